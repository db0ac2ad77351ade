/** All training jobs, filtered by state. */
import { Component, computed, inject, input } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { Router, RouterLink } from '@angular/router';

import { JobView } from '../api/models';
import { TrainingService } from '../api/services';
import { EmptyState } from '../elements/empty-state';
import { formatDuration } from '../elements/format';
import { Icon } from '../elements/icon';
import { LoadMore } from '../elements/load-more';
import { MethodPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { injectPagedQuery } from '../platform/paged-query';

const ACTIVE_POLL_INTERVAL_MS = 2000;
const IDLE_POLL_INTERVAL_MS = 10_000;
const ACTIVE_STATES = ['queued', 'running', 'pausing', 'publishing'];
const FILTERS = ['all', 'running', 'queued', 'paused', 'succeeded', 'failed', 'cancelled'] as const;

@Component({
  selector: 'an-jobs',
  imports: [EmptyState, Icon, LoadMore, MatButton, MethodPipe, ProblemCard, RelativeTime, RouterLink, Skeleton, StateBadge],
  template: `
    <header class="page-head">
      <h1 class="grow">Training jobs</h1>
      <a matButton="filled" routerLink="/jobs/new"><an-icon name="plus" />New job</a>
    </header>
    <div class="stack">
      <fieldset class="segmented">
        <legend class="visually-hidden">Filter by state</legend>
        @for (name of filters; track name) {
          <label><input type="radio" name="state" [checked]="filter() === name" (change)="setFilter(name)" /><span>{{ name }}</span></label>
        }
      </fieldset>
      @if (jobs.problem(); as problem) {
        <an-problem [problem]="problem" [retryable]="true" (retry)="jobs.refetch()" />
      }
      <section class="card" aria-label="Jobs">
        @if (jobs.value(); as page) {
          @if (page.items.length) {
            <div class="table-frame">
              <table class="cards">
                <thead>
                  <tr>
                    <th scope="col">Name</th><th scope="col">State</th><th scope="col">Method</th><th scope="col">Base model</th><th scope="col">Dataset</th><th scope="col">Duration</th><th scope="col" class="end">Created</th>
                  </tr>
                </thead>
                <tbody>
                  @for (job of page.items; track job.id) {
                    <tr>
                      <td><a [routerLink]="['/jobs', job.id]">{{ job.name }}</a></td>
                      <td><an-state-badge [state]="job.state" [warnings]="job.warnings" /></td>
                      <td data-label="Method">{{ job.method | method }}</td>
                      <td data-label="Base model">{{ job.base_name }}</td>
                      <td data-label="Dataset"><a [routerLink]="['/datasets', job.dataset_id]">{{ job.dataset_name || job.dataset_id }}</a></td>
                      <td data-label="Duration">{{ jobDuration(job) }}</td>
                      <td class="end" data-label="Created"><an-relative-time [at]="job.created_at" /></td>
                    </tr>
                  }
                </tbody>
              </table>
            </div>
            <an-load-more [query]="jobs" />
          } @else if (filter() === 'all') {
            <an-empty-state icon="jobs" heading="No training jobs yet">
              Choose a dataset and a base model. The defaults work well for most tasks.
              <a action matButton="filled" routerLink="/jobs/new">New job</a>
            </an-empty-state>
          } @else {
            <p class="muted">No {{ filter() }} jobs.</p>
          }
        } @else if (!jobs.problem()) {
          <an-skeleton />
        }
      </section>
    </div>
  `,
})
export class Jobs {
  private readonly api = inject(TrainingService);
  private readonly router = inject(Router);
  protected readonly filters = FILTERS;
  /** The state filter is a query parameter, so that a filtered list can be bookmarked and survives navigation. */
  readonly state = input<string>();
  protected readonly filter = computed(() => FILTERS.find((name) => name === this.state()) ?? 'all');
  protected readonly jobs = injectPagedQuery(
    () => {
      const filter = this.filter();
      const state = filter === 'all' ? undefined : filter;
      return { key: `jobs/${filter}`, fetch: (cursor) => this.api.listTrainingJobs({ state, cursor }) };
    },
    (page) => (page.items.some((job) => ACTIVE_STATES.includes(job.state)) ? ACTIVE_POLL_INTERVAL_MS : IDLE_POLL_INTERVAL_MS),
  );

  protected setFilter(filter: (typeof FILTERS)[number]): void {
    void this.router.navigate([], { queryParams: { state: filter === 'all' ? null : filter }, replaceUrl: true, scroll: 'manual' });
  }

  protected jobDuration(job: JobView): string {
    if (!job.started_at) return '–';
    const end = job.finished_at ? Date.parse(job.finished_at) : Date.now();
    return formatDuration((end - Date.parse(job.started_at)) / 1000);
  }
}
