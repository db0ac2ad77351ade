/** An empty state: what belongs here and how to create the first one. */
import { Component, input } from '@angular/core';

import { Icon, IconName } from './icon';

@Component({
  selector: 'an-empty-state',
  imports: [Icon],
  template: `
    <div class="empty">
      <an-icon [name]="icon()" />
      <h2>{{ heading() }}</h2>
      <p><ng-content /></p>
      <div class="row center"><ng-content select="[action]" /></div>
    </div>
  `,
})
export class EmptyState {
  readonly icon = input.required<IconName>();
  readonly heading = input.required<string>();
}
