/** The project at a glance: counts, what runs, what happened lately; and on a first visit, the road to follow. */
import { Component, computed, inject } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { RouterLink } from '@angular/router';

import { DatasetService, SystemService, TrainingService } from '../api/services';
import { Icon } from '../elements/icon';
import { Moment } from '../elements/moment';
import { CountPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { State } from '../elements/state';
import { load } from '../platform/load';
import { read, remembered } from '../platform/storage';
import { describe, stepsOf } from './road';
import { MachineCard } from './machine';
import { MachineUse } from './machine-use';

const LOOK_MS = 4000;

@Component({
  selector: 'an-dashboard',
  imports: [CountPipe, Icon, MachineCard, MachineUse, MatButton, Moment, ProblemCard, RouterLink, Skeleton, State],
  templateUrl: './dashboard.html',
  styleUrl: './dashboard.scss',
})
export class Dashboard {
  private readonly system = inject(SystemService);
  private readonly training = inject(TrainingService);
  private readonly datasets = inject(DatasetService);
  protected readonly describe = describe;
  protected readonly overview = load(() => ({ key: 'overview', fetch: () => this.system.showOverview() }), () => LOOK_MS);
  protected readonly running = load(
    () => ({ key: 'jobs/running', fetch: () => this.training.listTrainingJobs({ state: 'running', limit: 10 }) }),
    () => LOOK_MS,
  );
  private readonly firstDataset = load(() => ({ key: 'datasets/first', fetch: () => this.datasets.listDatasets({ limit: 1 }) }));
  protected readonly hidden = remembered('road.hidden', false);
  protected readonly steps = computed(() => {
    const overview = this.overview.value();
    return overview ? stepsOf(overview, this.firstDataset.value()?.items[0]?.id, read('chatted', false)) : undefined;
  });
  protected readonly walked = computed(() => this.steps()?.every((step) => step.done) ?? false);
  protected readonly active = computed(() => {
    const jobs = this.overview.value()?.jobs ?? {};
    return (jobs['running'] ?? 0) + (jobs['publishing'] ?? 0) + (jobs['pausing'] ?? 0);
  });
}
