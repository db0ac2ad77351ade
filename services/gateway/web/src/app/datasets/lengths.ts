/** How long the rows are in the base's own tokens, and what a maximum length would cut. */
import { Component, computed, inject, input, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';

import { Statistics } from '../api/models';
import { DatasetService } from '../api/services';
import { CountPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { load } from '../platform/load';
import { Problem } from '../platform/problem';

const LOOK_MS = 2000;

/** A base that is listed but not there yet: the bundled one is published in the first moments of a new platform. */
function notThere(problem: Problem | undefined): boolean {
  return problem?.status === 404;
}

@Component({
  selector: 'an-lengths',
  imports: [CountPipe, FormsModule, ProblemCard, Skeleton],
  template: `
    @if (preparing()) {
      <p class="hint" role="status">This base is being prepared for its first use. The page goes on by itself.</p>
    } @else if (statistics.problem(); as problem) {
      <an-problem [problem]="problem" [retryable]="true" (retry)="statistics.reload()" />
    } @else if (statistics.value(); as found) {
      <figure>
        <figcaption>
          Tokens of {{ found.counted | count }} rows: half have up to <b>{{ found.p50 | count }}</b>, 99 % up to <b>{{ found.p99 | count }}</b>, the
          longest {{ found.max | count }}. The model learns from {{ share() }} % of the tokens.
        </figcaption>
        <div class="bars" role="img" [attr.aria-label]="spoken()">
          @for (bucket of found.histogram; track bucket.start) {
            <div class="bar" [class.over]="bucket.start >= limit()" [title]="bucket.start + '–' + bucket.end + ' tokens: ' + bucket.rows + ' rows'">
              <i [style.height.%]="(100 * bucket.rows) / tallest()"></i>
            </div>
          }
        </div>
        <div class="axis muted" aria-hidden="true"><span>0</span><span>{{ widest() }} tokens</span></div>
      </figure>
      <div class="row">
        <label for="limit">Maximum length</label>
        <input id="limit" type="range" [min]="8" [max]="last()" [step]="8" [ngModel]="limit()" (ngModelChange)="asked.set(+$event)" />
        <output for="limit"><b>{{ limit() | count }}</b> tokens cut {{ cut() }}</output>
      </div>
      @if (found.refused) {
        <p class="bad-ink">The chat template refuses {{ found.refused | count }} rows.</p>
      }
    } @else {
      <an-skeleton [lines]="1" [height]="150" />
    }
  `,
  styles: `
    :host { display: block; min-height: 13rem; }
    figure { margin: 0 0 0.6rem; }
    .bars { display: flex; align-items: flex-end; gap: 2px; height: 7rem; margin-top: 0.8rem; border-bottom: 1px solid var(--line-strong); }
    .bar { flex: 1; height: 100%; display: flex; align-items: flex-end; i { display: block; width: 100%; min-height: 1px; background: var(--steel); border-radius: 2px 2px 0 0; } &.over i { background: var(--ember); } }
    .axis { display: flex; justify-content: space-between; font-size: 0.8rem; }
    input { flex: 1; max-width: 24rem; accent-color: var(--ember); }
  `,
})
export class Lengths {
  readonly dataset = input.required<string>();
  readonly base = input.required<string>();
  private readonly api = inject(DatasetService);
  protected readonly asked = signal<number | undefined>(undefined);
  protected readonly statistics = load<Statistics | undefined>(
    () => {
      const asked = { dataset_id: this.dataset(), base: this.base(), max_length: this.asked() };
      const fetch = () => this.api.datasetStatistics(asked).then((found) => found ?? undefined);
      return { key: `statistics/${asked.dataset_id}/${asked.base}`, fetch };
    },
    (found) => (found ? null : LOOK_MS), // 202: still counting
    (problem) => (notThere(problem) ? LOOK_MS : null),
  );
  protected readonly preparing = computed(() => notThere(this.statistics.problem()));
  protected readonly limit = computed(() => this.asked() ?? this.statistics.value()?.max_length ?? 0);
  protected readonly widest = computed(() => this.statistics.value()?.histogram.at(-1)?.end ?? 0);
  protected readonly last = computed(() => Math.max(64, this.widest(), this.statistics.value()?.suggested_max_length ?? 0));
  protected readonly tallest = computed(() => Math.max(1, ...(this.statistics.value()?.histogram ?? []).map((bucket) => bucket.rows)));
  protected readonly share = computed(() => {
    const found = this.statistics.value();
    return found?.tokens ? Math.round((100 * found.trained_tokens) / found.tokens) : 0;
  });
  protected readonly cut = computed(() => {
    const found = this.statistics.value();
    if (!found || found.max_length !== this.limit()) return '…';
    if (!found.cut) return 'no row';
    const lost = found.untrained ? `, and leave ${found.untrained} of them nothing to learn` : '';
    return `${found.cut} of ${found.counted} rows${lost}`;
  });
  protected readonly spoken = computed(() => {
    const found = this.statistics.value();
    return found ? `Histogram of row lengths: median ${found.p50}, 99th percentile ${found.p99}, longest ${found.max} tokens` : '';
  });
}
