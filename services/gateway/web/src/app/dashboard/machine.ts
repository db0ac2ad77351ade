/** The training machine: its utilization and what running jobs have allocated. */
import { Component, computed, inject } from '@angular/core';

import { TrainingService } from '../api/services';
import { ProblemCard } from '../elements/problem-card';
import { ProgressBar } from '../elements/progress-bar';
import { Skeleton } from '../elements/skeleton';
import { injectQuery } from '../platform/query';

const POLL_INTERVAL_MS = 3000;

interface ResourceUsage {
  label: string;
  text: string;
  used: number;
  total: number;
}

@Component({
  selector: 'an-machine',
  imports: [ProblemCard, ProgressBar, Skeleton],
  template: `
    <h2 id="machine">Machine</h2>
    @if (machine.problem(); as problem) {
      <an-problem [problem]="problem" [retryable]="true" (retry)="machine.refetch()" />
    }
    @for (resource of resources(); track resource.label) {
      <div class="resource">
        <div class="row"><span class="grow">{{ resource.label }}</span><span class="muted">{{ resource.text }}</span></div>
        <an-progress-bar [value]="resource.used" [max]="resource.total" [label]="resource.label + ': ' + resource.text" />
      </div>
    } @empty {
      @if (!machine.problem()) {
        <an-skeleton [lines]="3" [height]="36" />
      }
    }
  `,
  styles: `.resource { padding: 0.35rem 0; an-progress-bar { display: block; margin-top: 0.2rem; } .grow { flex-basis: auto; } }`,
})
export class MachineCard {
  private readonly training = inject(TrainingService);
  protected readonly machine = injectQuery(() => ({ key: 'machine', fetch: () => this.training.showTrainingMachine() }), () => POLL_INTERVAL_MS);
  protected readonly resources = computed((): ResourceUsage[] => {
    const machine = this.machine.value();
    if (!machine) return [];
    return [
      { label: 'Job slots', text: `${machine.running} of ${machine.slots} in use`, used: machine.running, total: machine.slots },
      { label: 'CPU', text: `${Math.round(machine.cpu_percent)}% used, ${machine.cpu_held} of ${machine.cpu} cores allocated`, used: machine.cpu_percent, total: 100 },
      { label: 'Memory', text: `${machine.memory_used_gb.toFixed(1)} of ${machine.memory_gb.toFixed(1)} GiB used`, used: machine.memory_used_gb, total: machine.memory_gb },
      ...machine.gpus.flatMap((gpu, i): ResourceUsage[] => [
        { label: `GPU ${i}: ${gpu.name}`, text: `${Math.round(gpu.percent)}% used`, used: gpu.percent, total: 100 },
        { label: `GPU ${i} memory`, text: `${gpu.memory_used_gb.toFixed(1)} of ${gpu.memory_gb.toFixed(1)} GiB used`, used: gpu.memory_used_gb, total: gpu.memory_gb },
      ]),
    ];
  });
}
