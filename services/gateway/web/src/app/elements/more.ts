/** The button below a list that has more pages. */
import { Component, input } from '@angular/core';
import { MatButton } from '@angular/material/button';

import { Pages } from '../platform/pages';

@Component({
  selector: 'an-more',
  imports: [MatButton],
  template: `
    @if (of().value()?.next_cursor) {
      <button matButton [disabled]="of().loading()" (click)="of().more()">Show more</button>
    }
  `,
})
export class More {
  readonly of = input.required<Pages<unknown>>();
}
