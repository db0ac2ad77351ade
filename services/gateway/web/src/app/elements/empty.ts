/** Nothing here yet, and what to do about it. */
import { Component, input } from '@angular/core';

import { Icon, IconName } from './icon';

@Component({
  selector: 'an-empty',
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
export class Empty {
  readonly icon = input.required<IconName>();
  readonly heading = input.required<string>();
}
