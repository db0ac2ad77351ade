/** The estimated memory and time of a job while its form is filled in, with settings that would fit. */
import { Component, computed, effect, inject, input, output, signal } from '@angular/core';
import { MatButton } from '@angular/material/button';

import { TrainingRequest } from '../api/models';
import { TrainingService } from '../api/services';
import { BytesPipe, CountPipe, DurationPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { ProgressBar } from '../elements/progress-bar';
import { WarningList } from '../elements/warning-list';
import { injectQuery } from '../platform/query';
import { memoryBreakdown, settingsText, verdictText } from './estimate-text';

const DEBOUNCE_MS = 500;
/** The code of the warning, and of the problem, for rows that the chat template of the base model cannot show. */
export const UNSUPPORTED_ROWS = 'unsupported_rows';

@Component({
  selector: 'an-resource-estimate',
  imports: [BytesPipe, CountPipe, DurationPipe, MatButton, ProblemCard, ProgressBar, WarningList],
  template: `
    <h2 id="estimate">Estimate</h2>
    @if (missing(); as text) {
      <p class="muted">{{ text }} to see the estimate.</p>
    } @else if (estimate.problem(); as problem) {
      <an-problem [problem]="problem" />
    } @else if (estimate.value(); as estimate) {
      <p class="verdict" [class.error]="estimate.verdict === 'does_not_fit'" role="status">{{ verdict() }}</p>
      @if (estimate.total && estimate.limit) {
        <an-progress-bar [value]="estimate.total" [max]="estimate.limit" [label]="'Memory: ' + verdict()" />
      }
      <dl class="facts">
        @if (estimate.total) {
          <dt>Memory</dt>
          <dd>{{ estimate.total | bytes }}@if (estimate.limit) {&ngsp;<small class="muted">of {{ estimate.limit | bytes }}</small>}</dd>
        }
        <dt>Trainable</dt><dd>{{ estimate.trainable_parameters | count }} <small class="muted">of {{ estimate.parameters | count }} parameters</small></dd>
        <dt>Tokens</dt><dd>{{ estimate.tokens | count }} <small class="muted">in {{ estimate.steps | count }} steps</small></dd>
        <dt>Duration</dt>
        @if (estimate.seconds !== null) {
          <dd>~{{ estimate.seconds | duration }} <small class="muted">{{ estimate.pace === 'jobs' ? 'based on similar jobs' : 'rough estimate' }}</small></dd>
        } @else {
          <dd class="muted">Available after a similar job has run</dd>
        }
      </dl>
      @if (breakdown().length) {
        <details>
          <summary>Memory breakdown</summary>
          <dl class="facts">
            @for (component of breakdown(); track component.label) {
              <dt>{{ component.label }}</dt><dd>{{ component.bytes | bytes }}</dd>
            }
          </dl>
        </details>
      }
      <an-warnings [warnings]="estimate.warnings" />
      @for (fit of estimate.fitting; track $index) {
        <button matButton="outlined" type="button" (click)="apply.emit(fit.changes)">Use {{ settingsText(fit.changes) }} ({{ fit.total | bytes }})</button>
      }
    } @else {
      <p class="muted">Estimating…</p>
    }
    @if (hasUnsupportedRows()) {
      <fieldset class="stack tight">
        <legend>Rows that the chat template cannot show</legend>
        <label class="row"><input type="radio" name="unsupported_rows" [checked]="!skips()" (change)="apply.emit({ unsupported_rows: 'refuse' })" />Refuse the job</label>
        <label class="row"><input type="radio" name="unsupported_rows" [checked]="skips()" (change)="apply.emit({ unsupported_rows: 'skip' })" />Skip these rows and train on the others</label>
      </fieldset>
    }
  `,
  styles: `
    :host { display: grid; gap: 0.6rem; }
    .verdict { margin: 0; font-weight: 600; }
    .error { color: var(--error); }
    legend { font-weight: 600; margin-bottom: 0.3rem; }
  `,
})
export class ResourceEstimate {
  readonly request = input.required<TrainingRequest>();
  /** What must be done before the request can be estimated; empty: nothing. */
  readonly missing = input('');
  /** Whether the platform refused the job for rows that the chat template cannot show. */
  readonly refused = input(false);
  /** Emits suggested settings that the user applies. */
  readonly apply = output<Record<string, unknown>>();
  /** The rows of another dataset or base model were counted. */
  readonly counted = output<void>();

  private readonly training = inject(TrainingService);
  private readonly debouncedRequest = signal<TrainingRequest | undefined>(undefined);
  protected readonly settingsText = settingsText;
  protected readonly estimate = injectQuery(() => {
    const body = this.debouncedRequest();
    return body && { key: `estimate/${JSON.stringify(body)}`, fetch: () => this.training.estimateTrainingJob({ body }) };
  });
  protected readonly verdict = computed(() => {
    const estimate = this.estimate.value();
    return estimate ? verdictText(estimate) : '';
  });
  protected readonly hasUnsupportedRows = computed(() => this.refused() || this.estimate.value()?.warnings.some((warning) => warning.code === UNSUPPORTED_ROWS));
  protected readonly skips = computed(() => (this.request().unsupported_rows ?? this.estimate.value()?.hyperparameters['unsupported_rows']) === 'skip');
  protected readonly breakdown = computed(() => {
    const estimate = this.estimate.value();
    return estimate ? memoryBreakdown(estimate) : [];
  });

  constructor() {
    effect((onCleanup) => {
      const { name: _name, after: _after, ...body } = this.request();
      const ready = body.dataset && !this.missing();
      const timer = setTimeout(() => this.debouncedRequest.set(ready ? body : undefined), DEBOUNCE_MS);
      onCleanup(() => clearTimeout(timer));
    });
    const maxLength = computed(() => this.estimate.value()?.lengths?.max_length);
    effect(() => maxLength() && this.counted.emit());
  }
}
