/** A relative time such as `5 minutes ago` that updates itself; the tooltip shows the exact time, print shows only that. */
import { Component, computed, DestroyRef, inject, Injectable, input, signal } from '@angular/core';

import { formatRelativeTime } from './format';

const UPDATE_INTERVAL_MS = 20_000;

/** One clock for all times of a page. */
@Injectable({ providedIn: 'root' })
class Clock {
  readonly now = signal(new Date());

  constructor() {
    const timer = setInterval(() => this.now.set(new Date()), UPDATE_INTERVAL_MS);
    inject(DestroyRef).onDestroy(() => clearInterval(timer));
  }
}

@Component({
  selector: 'an-relative-time',
  template: `<time [attr.datetime]="at()" [title]="exact()">{{ relative() }}</time>`,
  styles: `
    time { white-space: nowrap; }
    @media print { time { font-size: 0; &::after { content: attr(title); font-size: 0.8rem; } } }
  `,
})
export class RelativeTime {
  readonly at = input.required<string>();
  private readonly clock = inject(Clock);
  protected readonly relative = computed(() => formatRelativeTime(this.at(), this.clock.now()));
  protected readonly exact = computed(() => new Date(this.at()).toLocaleString());
}
