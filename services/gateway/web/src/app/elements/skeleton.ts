/** A loading placeholder that reserves the space of the content, so that the layout does not shift. */
import { Component, computed, input } from '@angular/core';

@Component({
  selector: 'an-skeleton',
  template: `
    <div class="skeleton" role="status" aria-label="Loading">
      @for (index of indexes(); track index) {
        <span [style.height.px]="height()"></span>
      }
    </div>
  `,
})
export class Skeleton {
  readonly lines = input(4);
  readonly height = input(20);
  protected readonly indexes = computed(() => Array.from({ length: this.lines() }, (_, i) => i));
}
