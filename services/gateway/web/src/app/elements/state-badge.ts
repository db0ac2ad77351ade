/** A state as a badge: a label and a color, never the color alone. */
import { Component, computed, input } from '@angular/core';

import { sentenceCase } from './format';

const VARIANTS: Record<string, 'success' | 'info' | 'warning' | 'error'> = {
  ready: 'success',
  succeeded: 'success',
  bundled: 'success',
  ok: 'success',
  running: 'info',
  validating: 'info',
  publishing: 'info',
  loading: 'info',
  preparing: 'info',
  pausing: 'info',
  cancelling: 'info',
  queued: 'warning',
  paused: 'warning',
  degraded: 'warning',
  failed: 'error',
  rejected: 'error',
  not_ready: 'error',
};

@Component({
  selector: 'an-state-badge',
  template: `<span class="chip" [class]="variant()"><i aria-hidden="true"></i>{{ label() }}</span>`,
})
export class StateBadge {
  readonly state = input.required<string>();
  protected readonly variant = computed(() => VARIANTS[this.state()] ?? '');
  protected readonly label = computed(() => (this.state() === 'ok' ? 'OK' : sentenceCase(this.state())));
}
