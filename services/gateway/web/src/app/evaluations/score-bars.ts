/** The scores of a metric as bars from zero, the fine-tuned model's above the base model's, with 95 % intervals. */
import { Component, computed, input } from '@angular/core';

/** Both are shown in the table beside, so the picture is not read out. */
@Component({
  selector: 'an-score-bars',
  template: `
    <svg aria-hidden="true" preserveAspectRatio="none" [attr.viewBox]="'0 0 100 ' + 12 * bars().length">
      @for (bar of bars(); track bar.kind; let index = $index) {
        <rect [class]="bar.kind" x="0" [attr.y]="12 * index + 1" [attr.width]="bar.width" height="9" rx="1" />
        @if (bar.interval; as interval) {
          <path [attr.d]="'M' + interval[0] + ' ' + (12 * index + 5.5) + 'H' + interval[1] + 'M' + interval[0] + ' ' + (12 * index + 2.5) + 'v6M' + interval[1] + ' ' + (12 * index + 2.5) + 'v6'" />
        }
      }
    </svg>
  `,
  styles: `
    svg { display: block; width: 100%; min-width: 8rem; height: 1.6rem; background: var(--surface-inset); border-radius: 2px; }
    .tuned { fill: var(--accent); }
    .base { fill: var(--text-muted); opacity: 0.6; }
    path { fill: none; stroke: var(--text); stroke-width: 1.5px; vector-effect: non-scaling-stroke; }
  `,
})
export class ScoreBars {
  readonly tuned = input.required<number>();
  readonly base = input<number>();
  readonly interval = input<readonly [number, number]>();
  readonly baseInterval = input<readonly [number, number]>();
  /** The score at the right end. */
  readonly max = input.required<number>();

  protected readonly bars = computed(() => {
    const scale = (value: number) => 100 * Math.min(1, Math.max(0, value / this.max()));
    const bar = (kind: string, value: number, interval?: readonly [number, number]) => ({ kind, width: scale(value), interval: interval?.map(scale) });
    const base = this.base();
    return [bar('tuned', this.tuned(), this.interval()), ...(base === undefined ? [] : [bar('base', base, this.baseInterval())])];
  });
}
