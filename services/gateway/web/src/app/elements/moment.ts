/** A moment as people say it, with the exact one on hover; it ages by itself. */
import { Component, computed, DestroyRef, inject, input, signal } from '@angular/core';

import { ago } from './format';

const BEAT_MS = 20_000;

@Component({
  selector: 'an-moment',
  template: `<time [attr.datetime]="at()" [title]="exact()">{{ words() }}</time>`,
  styles: `time { white-space: nowrap; }`,
})
export class Moment {
  readonly at = input.required<string>();
  private readonly now = signal(new Date());
  protected readonly words = computed(() => ago(this.at(), this.now()));
  protected readonly exact = computed(() => new Date(this.at()).toLocaleString());

  constructor() {
    const beat = setInterval(() => this.now.set(new Date()), BEAT_MS);
    inject(DestroyRef).onDestroy(() => clearInterval(beat));
  }
}
