/** The machine that trains: how busy it is, and what jobs hold of it. */
import { Component, computed, inject } from '@angular/core';

import { TrainingService } from '../api/services';
import { Meter } from '../elements/meter';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { load } from '../platform/load';

const LOOK_MS = 3000;

interface Gauge {
  name: string;
  words: string;
  done: number;
  total: number;
}

@Component({
  selector: 'an-machine',
  imports: [Meter, ProblemCard, Skeleton],
  template: `
    <h2 id="machine">Machine</h2>
    @if (machine.problem(); as problem) {
      <an-problem [problem]="problem" [retryable]="true" (retry)="machine.reload()" />
    }
    @for (gauge of gauges(); track gauge.name) {
      <div class="gauge">
        <div class="row"><span class="grow">{{ gauge.name }}</span><span class="muted">{{ gauge.words }}</span></div>
        <an-meter [done]="gauge.done" [total]="gauge.total" [label]="gauge.name + ': ' + gauge.words" />
      </div>
    } @empty {
      @if (!machine.problem()) {
        <an-skeleton [lines]="3" [height]="36" />
      }
    }
  `,
  styles: `.gauge { padding: 0.35rem 0; an-meter { display: block; margin-top: 0.2rem; } .grow { flex-basis: auto; } }`,
})
export class MachineCard {
  private readonly training = inject(TrainingService);
  protected readonly machine = load(() => ({ key: 'machine', fetch: () => this.training.showTrainingMachine() }), () => LOOK_MS);
  protected readonly gauges = computed((): Gauge[] => {
    const machine = this.machine.value();
    if (!machine) return [];
    return [
      { name: 'Places for jobs', words: `${machine.running} of ${machine.slots} taken`, done: machine.running, total: machine.slots },
      { name: 'Processor', words: `${Math.round(machine.cpu_percent)} % busy; jobs hold ${machine.cpu_held} of ${machine.cpu} cores`, done: machine.cpu_percent, total: 100 },
      { name: 'Memory', words: `${machine.memory_used_gb.toFixed(1)} of ${machine.memory_gb.toFixed(1)} GiB used`, done: machine.memory_used_gb, total: machine.memory_gb },
      ...machine.gpus.flatMap((gpu, i): Gauge[] => [
        { name: `GPU ${i}, ${gpu.name}`, words: `${Math.round(gpu.percent)} % busy`, done: gpu.percent, total: 100 },
        { name: `Memory of GPU ${i}`, words: `${gpu.memory_used_gb.toFixed(1)} of ${gpu.memory_gb.toFixed(1)} GiB used`, done: gpu.memory_used_gb, total: gpu.memory_gb },
      ]),
    ];
  });
}
