/** A progress bar; indeterminate while `max` is unknown. */
import { Component, computed, input } from '@angular/core';

@Component({
  selector: 'an-progress-bar',
  template: `
    <div
      class="progress-bar"
      role="progressbar"
      aria-valuemin="0"
      aria-valuemax="100"
      [attr.aria-label]="label()"
      [attr.aria-valuenow]="percent()"
      [class.indeterminate]="percent() === null"
    >
      <i [style.width.%]="percent() ?? 30"></i>
    </div>
  `,
})
export class ProgressBar {
  readonly value = input<number>(0);
  readonly max = input<number | null | undefined>(null);
  readonly label = input.required<string>();
  protected readonly percent = computed(() => {
    const max = this.max();
    return max ? Math.min(100, Math.round((1000 * this.value()) / max) / 10) : null;
  });
}
