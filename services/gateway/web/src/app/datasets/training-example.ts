/** A row rendered with the chat template, as the model is trained on it. Tokens that count toward the loss are highlighted. */
import { Component, computed, inject, input, linkedSignal } from '@angular/core';
import { MatButton } from '@angular/material/button';

import { DatasetService } from '../api/services';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { injectQuery } from '../platform/query';

const POLL_INTERVAL_MS = 2000;

export type Split = 'train' | 'validation' | 'test';

@Component({
  selector: 'an-training-example',
  imports: [MatButton, ProblemCard, Skeleton],
  template: `
    <div class="row">
      <h3 class="grow">Training example</h3>
      <span class="legend"><mark>trained on</mark>&ngsp;<span class="masked">masked</span></span>
      <button matButton [disabled]="row() === 0" (click)="row.set(row() - 1)">Previous</button>
      <span class="muted">Row {{ row() + 1 }}</span>
      <button matButton [disabled]="row() + 1 >= total()" (click)="row.set(row() + 1)">Next</button>
    </div>
    @if (rendered.problem() && rendered.problem()?.status !== 404) {
      @let problem = rendered.problem()!;
      <an-problem [problem]="problem" [retryable]="true" (retry)="rendered.refetch()" />
    } @else if (rendered.value(); as rendered) {
      @for (sample of rendered.samples; track $index) {
        <pre class="text" tabindex="0" aria-label="Training example">@for (span of sample.spans; track $index) {@if (span.trained) {<mark>{{ span.text }}</mark>} @else {<span>{{ span.text }}</span>}}</pre>
        <small class="muted">{{ sample.trained_tokens }} of {{ sample.tokens }} tokens are trained on. Chat template <code>{{ rendered.template_hash.slice(0, 12) }}</code></small>
      }
      @if (fullyMasked()) {
        <p class="error-text">Every token of this row is masked. The model learns nothing from it.</p>
      }
    } @else {
      <an-skeleton [lines]="3" />
    }
  `,
  styles: `
    :host { display: block; min-height: 9rem; }
    .text { background: var(--surface-inset); border: 1px solid var(--border); border-radius: 0.6rem; padding: 0.75rem 0.9rem; margin: 0.5rem 0 0.3rem; max-height: 22rem; overflow: auto; }
    mark { background: var(--accent-soft); color: var(--accent-text); border-radius: 0.2rem; box-decoration-break: clone; }
    .legend { font-size: 0.85rem; display: inline-flex; gap: 0.6rem; }
    .legend mark { padding: 0 0.4rem; }
    .masked { color: var(--text-muted); }
  `,
})
export class TrainingExample {
  readonly dataset = input.required<string>();
  readonly base = input.required<string>();
  readonly split = input.required<Split>();
  readonly total = input.required<number>();
  private readonly api = inject(DatasetService);
  protected readonly row = linkedSignal({ source: this.split, computation: () => 0 });
  protected readonly rendered = injectQuery(
    () => {
      const params = { dataset_id: this.dataset(), base: this.base(), split: this.split(), row: this.row() };
      return { key: `rendered/${params.dataset_id}/${params.base}`, fetch: () => this.api.renderDatasetRow(params) };
    },
    () => null,
    (problem) => (problem.status === 404 ? POLL_INTERVAL_MS : null), // not published yet, see token-lengths.ts
  );
  protected readonly fullyMasked = computed(() => this.rendered.value()?.samples.every((sample) => !sample.trained_tokens) ?? false);
}
