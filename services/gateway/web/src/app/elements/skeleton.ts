/** The shape of what is being loaded, so that nothing jumps when it comes. */
import { Component, computed, input } from '@angular/core';

@Component({
  selector: 'an-skeleton',
  template: `
    <div class="skeleton" role="status" aria-label="Loading">
      @for (line of shown(); track line) {
        <span [style.height.px]="height()"></span>
      }
    </div>
  `,
})
export class Skeleton {
  readonly lines = input(4);
  readonly height = input(20);
  protected readonly shown = computed(() => Array.from({ length: this.lines() }, (_, i) => i));
}
