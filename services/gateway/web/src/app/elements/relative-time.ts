/** A relative time such as `5 minutes ago` that updates itself; the tooltip shows the exact time. */
import { Component, computed, DestroyRef, inject, input, signal } from '@angular/core';

import { formatRelativeTime } from './format';

const UPDATE_INTERVAL_MS = 20_000;

@Component({
  selector: 'an-relative-time',
  template: `<time [attr.datetime]="at()" [title]="exact()">{{ relative() }}</time>`,
  styles: `time { white-space: nowrap; }`,
})
export class RelativeTime {
  readonly at = input.required<string>();
  private readonly now = signal(new Date());
  protected readonly relative = computed(() => formatRelativeTime(this.at(), this.now()));
  protected readonly exact = computed(() => new Date(this.at()).toLocaleString());

  constructor() {
    const timer = setInterval(() => this.now.set(new Date()), UPDATE_INTERVAL_MS);
    inject(DestroyRef).onDestroy(() => clearInterval(timer));
  }
}
