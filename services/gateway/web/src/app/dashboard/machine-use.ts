/** What a running job makes of the machine, as it last told. */
import { Component, computed, inject, input } from '@angular/core';

import { TrainingService } from '../api/services';
import { FigurePipe } from '../elements/pipes';
import { load } from '../platform/load';

const LOOK_MS = 3000;
const SHOWN = /cpu|gpu|memory|tokens_per_second/;

@Component({
  selector: 'an-machine-use',
  imports: [FigurePipe],
  template: `
    @for (gauge of gauges(); track gauge.name) {
      <span class="muted">{{ gauge.name }}&ngsp;<b>{{ gauge.value | figure }}</b></span>
    }
  `,
  styles: `:host { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; font-size: 0.85rem; } b { color: var(--ink); }`,
})
export class MachineUse {
  readonly job = input.required<string>();
  private readonly api = inject(TrainingService);
  private readonly detail = load(
    () => ({ key: `job/${this.job()}`, fetch: () => this.api.getTrainingJob({ id: this.job() }) }),
    () => LOOK_MS,
  );
  protected readonly gauges = computed(() =>
    Object.entries(this.detail.value()?.metrics ?? {})
      .filter(([name, value]) => SHOWN.test(name) && typeof value === 'number')
      .map(([name, value]) => ({ name: name.replaceAll('_', ' '), value: value as number })),
  );
}
