/** The warnings of a dataset, an estimate, a job or an evaluation: what happened, how often, an example, and what to do. */
import { Component, input } from '@angular/core';

import { ReportedWarning } from '../api/models';
import { countText } from './format';
import { Icon } from './icon';

@Component({
  selector: 'an-warnings',
  imports: [Icon],
  template: `
    @for (warning of warnings(); track $index) {
      <div class="hint warning" role="group" [attr.aria-label]="'Warning ' + warning.code">
        <an-icon name="alert" />
        <div class="stack tight">
          <span>{{ warning.detail }}</span>
          @if (warning.remedy) {
            <span><b>What to do:</b> {{ warning.remedy }}</span>
          }
          <small>{{ countText(warning.count, warning.example) }} <code>{{ warning.code }}</code></small>
        </div>
      </div>
    }
  `,
  styles: `
    :host { display: grid; gap: 0.6rem; overflow-wrap: anywhere; &:empty { display: none; } }
    .stack { flex: 1; min-width: 0; }
  `,
})
export class WarningList {
  readonly warnings = input.required<readonly ReportedWarning[]>();
  protected readonly countText = countText;
}
