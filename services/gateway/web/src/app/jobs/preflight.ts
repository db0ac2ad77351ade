/** What the job would need, told while it is being put together: whether it fits, by part, and what would fit instead. */
import { Component, computed, effect, inject, input, output, signal } from '@angular/core';
import { MatButton } from '@angular/material/button';

import { TrainingRequest } from '../api/models';
import { TrainingService } from '../api/services';
import { Icon } from '../elements/icon';
import { Meter } from '../elements/meter';
import { CountPipe, DurationPipe, SizePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { load } from '../platform/load';
import { changesOf, partsOf, verdictOf } from './needs';

const SETTLED_MS = 500;

@Component({
  selector: 'an-preflight',
  imports: [CountPipe, DurationPipe, Icon, MatButton, Meter, ProblemCard, SizePipe],
  template: `
    <h2 id="needs">What it needs</h2>
    @if (found.problem(); as problem) {
      <an-problem [problem]="problem" />
    } @else if (found.value(); as estimate) {
      <p class="verdict" [class.bad]="estimate.verdict === 'does_not_fit'" role="status">{{ verdict() }}</p>
      @if (estimate.total && estimate.limit) {
        <an-meter [done]="estimate.total" [total]="estimate.limit" [label]="'Memory: ' + verdict()" />
      }
      <dl class="facts">
        @if (estimate.total) {
          <dt>Memory</dt>
          <dd>{{ estimate.total | size }}@if (estimate.limit) {&ngsp;<small class="muted">of {{ estimate.limit | size }}</small>}</dd>
        }
        <dt>Trained</dt><dd>{{ estimate.trainable_parameters | count }} <small class="muted">of {{ estimate.parameters | count }} parameters</small></dd>
        <dt>Tokens</dt><dd>{{ estimate.tokens | count }} <small class="muted">in {{ estimate.steps | count }} steps</small></dd>
        <dt>Time</dt>
        @if (estimate.seconds !== null) {
          <dd>about {{ estimate.seconds | duration }} <small class="muted">{{ estimate.pace === 'jobs' ? 'as the last jobs like it' : 'by a rough formula' }}</small></dd>
        } @else {
          <dd class="muted">known once a job like this has run</dd>
        }
      </dl>
      @if (parts().length) {
        <details>
          <summary>Memory by part</summary>
          <dl class="facts">
            @for (part of parts(); track part.name) {
              <dt>{{ part.name }}</dt><dd>{{ part.bytes | size }}</dd>
            }
          </dl>
        </details>
      }
      @for (warning of estimate.warnings; track warning.code) {
        <p class="hint warn"><an-icon name="info" /><span>{{ warning.detail }} {{ warning.remedy }}</span></p>
      }
      @for (fit of estimate.fitting; track $index) {
        <button matButton="outlined" type="button" (click)="use.emit(fit.changes)">Use {{ words(fit.changes) }} ({{ fit.total | size }})</button>
      }
    } @else {
      <p class="muted">{{ found.loading() ? 'Counting…' : 'Choose a dataset.' }}</p>
    }
  `,
  styles: `
    :host { display: grid; gap: 0.6rem; }
    .verdict { margin: 0; font-weight: 600; }
    .bad { color: var(--bad); }
  `,
})
export class Preflight {
  readonly request = input.required<TrainingRequest>();
  /** Settings that would fit, chosen by the user. */
  readonly use = output<Record<string, unknown>>();

  private readonly training = inject(TrainingService);
  private readonly settled = signal<TrainingRequest | undefined>(undefined);
  protected readonly words = changesOf;
  protected readonly found = load(() => {
    const body = this.settled();
    return body && { key: `estimate/${JSON.stringify(body)}`, fetch: () => this.training.estimateTrainingJob({ body }) };
  });
  protected readonly verdict = computed(() => {
    const estimate = this.found.value();
    return estimate ? verdictOf(estimate) : '';
  });
  protected readonly parts = computed(() => {
    const estimate = this.found.value();
    return estimate ? partsOf(estimate) : [];
  });

  constructor() {
    effect((onCleanup) => {
      const { name: _name, after: _after, ...body } = this.request();
      const timer = setTimeout(() => this.settled.set(body.dataset ? body : undefined), SETTLED_MS);
      onCleanup(() => clearTimeout(timer));
    });
  }
}
