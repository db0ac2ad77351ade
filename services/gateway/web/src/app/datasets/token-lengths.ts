/** The distribution of row lengths in tokens, and how many rows a maximum length truncates. */
import { Component, computed, inject, input, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';

import { Statistics } from '../api/models';
import { DatasetService } from '../api/services';
import { CountPipe, CountedPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { Problem } from '../platform/problem';
import { injectQuery } from '../platform/query';

const POLL_INTERVAL_MS = 2000;

/** 404: the model is listed but not published yet. A new platform publishes the bundled model right after it starts. */
function isNotFound(problem: Problem | undefined): boolean {
  return problem?.status === 404;
}

@Component({
  selector: 'an-token-lengths',
  imports: [CountPipe, CountedPipe, FormsModule, ProblemCard, Skeleton],
  template: `
    @if (preparing()) {
      <p class="hint" role="status">Preparing the base model for its first use. This page updates automatically.</p>
    } @else if (statistics.problem(); as problem) {
      <an-problem [problem]="problem" [retryable]="true" (retry)="statistics.refetch()" />
    } @else if (statistics.value(); as stats) {
      <figure>
        <figcaption>
          Tokens per row ({{ stats.counted | counted: 'row' }}): median <b>{{ stats.p50 | count }}</b>, 99th percentile <b>{{ stats.p99 | count }}</b>, maximum
          <b>{{ stats.max | count }}</b>. {{ trainedPercent() }}% of all tokens are trained on.
        </figcaption>
        <div class="bars" role="img" [attr.aria-label]="summary()">
          @for (bucket of stats.histogram; track bucket.start) {
            <div class="bar" [class.over]="bucket.start >= maxLength()" [title]="bucket.start + '–' + bucket.end + ' tokens: ' + bucket.rows + ' rows'">
              <i [style.height.%]="(100 * bucket.rows) / maxRows()"></i>
            </div>
          }
        </div>
        <div class="axis muted" aria-hidden="true"><span>0</span><span>{{ histogramEnd() }} tokens</span></div>
      </figure>
      <div class="row">
        <label for="max-length">Max length</label>
        <input id="max-length" type="range" [min]="8" [max]="sliderMax()" [step]="8" [ngModel]="maxLength()" (ngModelChange)="selectedMaxLength.set(+$event)" />
        <output for="max-length"><b>{{ maxLength() | count }}</b> tokens: {{ truncation() }}</output>
      </div>
      <div class="table-frame" tabindex="0" role="group" aria-label="Token budget of each split">
        <table>
          <caption class="visually-hidden">Token budget of each split</caption>
          <thead><tr><th scope="col">Split</th><th scope="col" class="end">Rows</th><th scope="col" class="end">Tokens per epoch</th><th scope="col" class="end">Trained on</th></tr></thead>
          <tbody>
            @for (split of stats.splits; track split.split) {
              <tr>
                <td>{{ split.split }}</td>
                <td class="end">{{ split.rows | count }}</td>
                <td class="end">{{ split.counted < split.rows ? '≈ ' : '' }}{{ split.tokens | count }}</td>
                <td class="end">{{ split.split === 'train' ? (split.trained_tokens | count) : '–' }}</td>
              </tr>
            }
          </tbody>
        </table>
      </div>
      @if (stats.refused) {
        <p class="error-text">The chat template rejects {{ stats.refused | counted: 'row' }}.</p>
      }
    } @else {
      <an-skeleton [lines]="1" [height]="150" />
    }
  `,
  styles: `
    :host { display: block; min-height: 13rem; }
    figure { margin: 0 0 0.6rem; }
    .bars { display: flex; align-items: flex-end; gap: 2px; height: 7rem; margin-top: 0.8rem; border-bottom: 1px solid var(--border-strong); }
    .bar { flex: 1; height: 100%; display: flex; align-items: flex-end; i { display: block; width: 100%; min-height: 1px; background: var(--chart); border-radius: 2px 2px 0 0; } &.over i { background: var(--accent); } }
    .axis { display: flex; justify-content: space-between; font-size: 0.8rem; }
    input { flex: 1; max-width: 24rem; accent-color: var(--accent); }
  `,
})
export class TokenLengths {
  readonly dataset = input.required<string>();
  readonly base = input.required<string>();
  private readonly api = inject(DatasetService);
  protected readonly selectedMaxLength = signal<number | undefined>(undefined);
  protected readonly statistics = injectQuery<Statistics | undefined>(
    () => {
      const params = { dataset_id: this.dataset(), base: this.base(), max_length: this.selectedMaxLength() };
      const fetch = () => this.api.datasetStatistics(params).then((statistics) => statistics ?? undefined);
      return { key: `statistics/${params.dataset_id}/${params.base}`, fetch };
    },
    (statistics) => (statistics ? null : POLL_INTERVAL_MS), // 202: still being computed
    (problem) => (isNotFound(problem) ? POLL_INTERVAL_MS : null),
  );
  protected readonly preparing = computed(() => isNotFound(this.statistics.problem()));
  protected readonly maxLength = computed(() => this.selectedMaxLength() ?? this.statistics.value()?.max_length ?? 0);
  protected readonly histogramEnd = computed(() => this.statistics.value()?.histogram.at(-1)?.end ?? 0);
  protected readonly sliderMax = computed(() => Math.max(64, this.histogramEnd(), this.statistics.value()?.suggested_max_length ?? 0));
  protected readonly maxRows = computed(() => Math.max(1, ...(this.statistics.value()?.histogram ?? []).map((bucket) => bucket.rows)));
  protected readonly trainedPercent = computed(() => {
    const stats = this.statistics.value();
    return stats?.tokens ? Math.round((100 * stats.trained_tokens) / stats.tokens) : 0;
  });
  protected readonly truncation = computed(() => {
    const stats = this.statistics.value();
    if (!stats || stats.max_length !== this.maxLength()) return '…';
    if (!stats.cut) return 'no rows truncated';
    const untrained = stats.untrained ? `, ${stats.untrained} of them left with nothing to train on` : '';
    return `${stats.cut} of ${stats.counted} rows truncated${untrained}`;
  });
  protected readonly summary = computed(() => {
    const stats = this.statistics.value();
    return stats ? `Histogram of row lengths: median ${stats.p50}, 99th percentile ${stats.p99}, maximum ${stats.max} tokens` : '';
  });
}
