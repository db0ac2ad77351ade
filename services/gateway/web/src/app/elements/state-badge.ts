/** A state as a badge, with the number of warnings: a label and a color, never the color alone. */
import { Component, computed, input } from '@angular/core';

import { sentenceCase } from './format';

const VARIANTS: Record<string, 'success' | 'info' | 'warning' | 'error'> = {
  ready: 'success',
  succeeded: 'success',
  bundled: 'success',
  ok: 'success',
  enabled: 'success',
  passed: 'success',
  promoted: 'success',
  running: 'info',
  evaluating: 'info',
  validating: 'info',
  publishing: 'info',
  loading: 'info',
  preparing: 'info',
  pausing: 'info',
  cancelling: 'info',
  queued: 'warning',
  pending: 'warning',
  paused: 'warning',
  degraded: 'warning',
  failed: 'error',
  rejected: 'error',
  refused: 'error',
  not_ready: 'error',
};

@Component({
  selector: 'an-state-badge',
  template: `<span class="chip" [class]="variant()"><i aria-hidden="true"></i>{{ label() }}</span>`,
})
export class StateBadge {
  readonly state = input.required<string>();
  readonly warnings = input<readonly unknown[] | null>();
  private readonly warningCount = computed(() => this.warnings()?.length ?? 0);
  protected readonly variant = computed(() => {
    const variant = VARIANTS[this.state()] ?? '';
    return variant === 'success' && this.warningCount() ? 'warning' : variant;
  });
  protected readonly label = computed(() => {
    const state = this.state() === 'ok' ? 'OK' : sentenceCase(this.state());
    const count = this.warningCount();
    return count ? `${state}, ${count} ${count === 1 ? 'warning' : 'warnings'}` : state;
  });
}
