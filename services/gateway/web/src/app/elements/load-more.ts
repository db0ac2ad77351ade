/** The button below a list that loads its next page. */
import { Component, input } from '@angular/core';
import { MatButton } from '@angular/material/button';

import { PagedQuery } from '../platform/paged-query';

@Component({
  selector: 'an-load-more',
  imports: [MatButton],
  template: `
    @if (query().value()?.next_cursor) {
      <button matButton [disabled]="query().loading()" (click)="query().loadMore()">Load more</button>
    }
  `,
})
export class LoadMore {
  readonly query = input.required<PagedQuery<unknown>>();
}
