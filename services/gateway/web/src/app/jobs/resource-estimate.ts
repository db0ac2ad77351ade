/** The estimated memory and time of a job while its form is filled in, with settings that would fit. */
import { Component, computed, effect, inject, input, output, signal } from '@angular/core';
import { MatButton } from '@angular/material/button';

import { TrainingRequest } from '../api/models';
import { TrainingService } from '../api/services';
import { Icon } from '../elements/icon';
import { BytesPipe, CountPipe, DurationPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { ProgressBar } from '../elements/progress-bar';
import { injectQuery } from '../platform/query';
import { memoryBreakdown, settingsText, verdictText } from './estimate-text';

const DEBOUNCE_MS = 500;

@Component({
  selector: 'an-resource-estimate',
  imports: [BytesPipe, CountPipe, DurationPipe, Icon, MatButton, ProblemCard, ProgressBar],
  template: `
    <h2 id="estimate">Estimate</h2>
    @if (estimate.problem(); as problem) {
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
      @for (warning of estimate.warnings; track warning.code) {
        <p class="hint warning"><an-icon name="info" /><span>{{ warning.detail }} {{ warning.remedy }}</span></p>
      }
      @for (fit of estimate.fitting; track $index) {
        <button matButton="outlined" type="button" (click)="apply.emit(fit.changes)">Use {{ settingsText(fit.changes) }} ({{ fit.total | bytes }})</button>
      }
    } @else {
      <p class="muted">{{ estimate.loading() ? 'Estimating…' : 'Select a dataset.' }}</p>
    }
  `,
  styles: `
    :host { display: grid; gap: 0.6rem; }
    .verdict { margin: 0; font-weight: 600; }
    .error { color: var(--error); }
  `,
})
export class ResourceEstimate {
  readonly request = input.required<TrainingRequest>();
  /** Emits suggested settings that the user applies. */
  readonly apply = output<Record<string, unknown>>();

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
  protected readonly breakdown = computed(() => {
    const estimate = this.estimate.value();
    return estimate ? memoryBreakdown(estimate) : [];
  });

  constructor() {
    effect((onCleanup) => {
      const { name: _name, after: _after, ...body } = this.request();
      const timer = setTimeout(() => this.debouncedRequest.set(body.dataset ? body : undefined), DEBOUNCE_MS);
      onCleanup(() => clearTimeout(timer));
    });
  }
}
