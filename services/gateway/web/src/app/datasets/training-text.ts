/** A row exactly as it is trained on, with the tokens that the model learns to write highlighted. */
import { Component, computed, inject, input, linkedSignal } from '@angular/core';
import { MatButton } from '@angular/material/button';

import { DatasetService } from '../api/services';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { load } from '../platform/load';

const LOOK_MS = 2000;

@Component({
  selector: 'an-training-text',
  imports: [MatButton, ProblemCard, Skeleton],
  template: `
    <div class="row">
      <h3 class="grow">The training text</h3>
      <span class="legend"><mark>learned</mark>&ngsp;<span class="given">only read</span></span>
      <button matButton [disabled]="row() === 0" (click)="row.set(row() - 1)">Before</button>
      <span class="muted">row {{ row() + 1 }}</span>
      <button matButton [disabled]="row() + 1 >= total()" (click)="row.set(row() + 1)">Next</button>
    </div>
    @if (rendered.problem() && rendered.problem()?.status !== 404) {
      @let problem = rendered.problem()!;
      <an-problem [problem]="problem" [retryable]="true" (retry)="rendered.reload()" />
    } @else if (rendered.value(); as found) {
      @for (sample of found.samples; track $index) {
        <pre class="text" tabindex="0" aria-label="Training text">@for (span of sample.spans; track $index) {@if (span.trained) {<mark>{{ span.text }}</mark>} @else {<span>{{ span.text }}</span>}}</pre>
        <small class="muted">{{ sample.trained_tokens }} of {{ sample.tokens }} tokens are learned. Template <code>{{ found.template_hash.slice(0, 12) }}</code></small>
      }
      @if (nothing()) {
        <p class="bad-ink">No token of this row is learned: it teaches nothing.</p>
      }
    } @else {
      <an-skeleton [lines]="3" />
    }
  `,
  styles: `
    :host { display: block; min-height: 9rem; }
    .text { background: var(--well); border: 1px solid var(--line); border-radius: 0.6rem; padding: 0.75rem 0.9rem; margin: 0.5rem 0 0.3rem; max-height: 22rem; overflow: auto; }
    mark { background: var(--ember-soft); color: var(--ember-ink); border-radius: 0.2rem; box-decoration-break: clone; }
    .legend { font-size: 0.85rem; display: inline-flex; gap: 0.6rem; }
    .legend mark { padding: 0 0.4rem; }
    .given { color: var(--ink-2); }
  `,
})
export class TrainingText {
  readonly dataset = input.required<string>();
  readonly base = input.required<string>();
  readonly split = input.required<'train' | 'validation'>();
  readonly total = input.required<number>();
  private readonly api = inject(DatasetService);
  protected readonly row = linkedSignal({ source: this.split, computation: () => 0 });
  protected readonly rendered = load(
    () => {
      const asked = { dataset_id: this.dataset(), base: this.base(), split: this.split(), row: this.row() };
      return { key: `rendered/${asked.dataset_id}/${asked.base}`, fetch: () => this.api.renderDatasetRow(asked) };
    },
    () => null,
    (problem) => (problem.status === 404 ? LOOK_MS : null), // see lengths.ts
  );
  protected readonly nothing = computed(() => this.rendered.value()?.samples.every((sample) => !sample.trained_tokens) ?? false);
}
