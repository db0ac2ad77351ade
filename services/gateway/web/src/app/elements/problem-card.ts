/** An error: what failed, why, what to do, and the trace id to search the log for. */
import { Component, input, output } from '@angular/core';
import { MatButton } from '@angular/material/button';

import { Problem } from '../platform/problem';
import { Icon } from './icon';

@Component({
  selector: 'an-problem',
  imports: [Icon, MatButton],
  template: `
    <div class="problem" role="alert">
      <an-icon name="alert" />
      <div class="stack tight">
        <strong>{{ problem().title }}</strong>
        <span>{{ problem().detail }}</span>
        @if (problem().remedy; as remedy) {
          <span><b>What to do:</b> {{ remedy }}</span>
        }
        @if (problem().trace_id; as trace) {
          <small class="muted">Trace <code>{{ trace }}</code></small>
        }
        <ng-content />
        @if (retryable()) {
          <div><button matButton="outlined" (click)="retry.emit()">Retry</button></div>
        }
      </div>
    </div>
  `,
})
export class ProblemCard {
  readonly problem = input.required<Problem>();
  readonly retryable = input(false);
  readonly retry = output<void>();
}
