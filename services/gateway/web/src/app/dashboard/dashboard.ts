/** The project overview: counts, running jobs, recent activity and, for a new project, the getting-started checklist. */
import { Component, computed, inject } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { RouterLink } from '@angular/router';

import { DatasetService, SystemService, TrainingService } from '../api/services';
import { Icon } from '../elements/icon';
import { CountPipe, MethodPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { injectQuery } from '../platform/query';
import { readStored, storedSignal } from '../platform/storage';
import { activityDetail, describeActivity } from './activity';
import { gettingStartedSteps } from './getting-started';
import { JobMetrics } from './job-metrics';
import { MachineCard } from './machine';

const POLL_INTERVAL_MS = 4000;

@Component({
  selector: 'an-dashboard',
  imports: [CountPipe, Icon, JobMetrics, MachineCard, MatButton, MethodPipe, ProblemCard, RelativeTime, RouterLink, Skeleton, StateBadge],
  templateUrl: './dashboard.html',
  styleUrl: './dashboard.scss',
})
export class Dashboard {
  private readonly system = inject(SystemService);
  private readonly training = inject(TrainingService);
  private readonly datasets = inject(DatasetService);
  protected readonly activityDetail = activityDetail;
  protected readonly describeActivity = describeActivity;
  protected readonly overview = injectQuery(() => ({ key: 'overview', fetch: () => this.system.showOverview() }), () => POLL_INTERVAL_MS);
  protected readonly runningJobs = injectQuery(
    () => ({ key: 'jobs/running', fetch: () => this.training.listTrainingJobs({ state: 'running', limit: 10 }) }),
    () => POLL_INTERVAL_MS,
  );
  private readonly firstDataset = injectQuery(() => ({ key: 'datasets/first', fetch: () => this.datasets.listDatasets({ limit: 1 }) }));
  protected readonly checklistHidden = storedSignal('getting-started.hidden', false);
  protected readonly steps = computed(() => {
    const overview = this.overview.value();
    return overview ? gettingStartedSteps(overview, this.firstDataset.value()?.items[0]?.id, readStored('chatted', false)) : undefined;
  });
  protected readonly allDone = computed(() => this.steps()?.every((step) => step.done) ?? false);
  protected readonly runningCount = computed(() => {
    const jobs = this.overview.value()?.jobs ?? {};
    return (jobs['running'] ?? 0) + (jobs['publishing'] ?? 0) + (jobs['pausing'] ?? 0);
  });
}
