/** How far something is, as a bar with its figure for those who do not see it. */
import { Component, computed, input } from '@angular/core';

@Component({
  selector: 'an-meter',
  template: `
    <div
      class="meter"
      role="progressbar"
      aria-valuemin="0"
      aria-valuemax="100"
      [attr.aria-label]="label()"
      [attr.aria-valuenow]="percent()"
      [class.unknown]="percent() === null"
    >
      <i [style.width.%]="percent() ?? 30"></i>
    </div>
  `,
})
export class Meter {
  readonly done = input<number>(0);
  readonly total = input<number | null | undefined>(null);
  readonly label = input.required<string>();
  protected readonly percent = computed(() => {
    const total = this.total();
    return total ? Math.min(100, Math.round((1000 * this.done()) / total) / 10) : null;
  });
}
