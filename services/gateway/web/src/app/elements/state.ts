/** The state of a thing as a chip: a word and a colour, never the colour alone. */
import { Component, computed, input } from '@angular/core';

const TONES: Record<string, string> = {
  ready: 'good',
  succeeded: 'good',
  bundled: 'good',
  ok: 'good',
  running: 'busy',
  validating: 'busy',
  publishing: 'busy',
  loading: 'busy',
  preparing: 'busy',
  pausing: 'busy',
  cancelling: 'busy',
  queued: 'waiting',
  paused: 'waiting',
  degraded: 'waiting',
  failed: 'bad',
  rejected: 'bad',
  not_ready: 'bad',
};

@Component({
  selector: 'an-state',
  template: `<span class="chip" [class]="tone()"><i aria-hidden="true"></i>{{ words() }}</span>`,
})
export class State {
  readonly state = input.required<string>();
  protected readonly tone = computed(() => TONES[this.state()] ?? 'still');
  protected readonly words = computed(() => this.state().replaceAll('_', ' '));
}
