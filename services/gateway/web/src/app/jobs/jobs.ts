/** All training jobs. */
import { Component, computed, inject, input } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { Router, RouterLink } from '@angular/router';

import { JobView } from '../api/models';
import { TrainingService } from '../api/services';
import { Empty } from '../elements/empty';
import { duration } from '../elements/format';
import { Icon } from '../elements/icon';
import { Moment } from '../elements/moment';
import { More } from '../elements/more';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { State } from '../elements/state';
import { pages } from '../platform/pages';

const BUSY_MS = 2000;
const IDLE_MS = 10_000;
const MOVING = ['queued', 'running', 'pausing', 'publishing'];
const FILTERS = ['all', 'running', 'queued', 'paused', 'succeeded', 'failed', 'cancelled'] as const;

@Component({
  selector: 'an-jobs',
  imports: [Empty, Icon, MatButton, Moment, More, ProblemCard, RouterLink, Skeleton, State],
  template: `
    <header class="page-head">
      <h1 class="grow">Training jobs</h1>
      <a matButton="filled" routerLink="/jobs/new"><an-icon name="plus" />New job</a>
    </header>
    <div class="stack">
      <fieldset class="seg">
        <legend class="visually-hidden">Show jobs</legend>
        @for (name of filters; track name) {
          <label><input type="radio" name="state" [checked]="filter() === name" (change)="show(name)" /><span>{{ name }}</span></label>
        }
      </fieldset>
      @if (page.problem(); as problem) {
        <an-problem [problem]="problem" [retryable]="true" (retry)="page.reload()" />
      }
      <section class="card" aria-label="Jobs">
        @if (page.value(); as found) {
          @if (found.items.length) {
            <div class="table-frame">
              <table class="cards">
                <thead>
                  <tr>
                    <th scope="col">Name</th><th scope="col">State</th><th scope="col">Method</th><th scope="col">Base</th><th scope="col">Dataset</th><th scope="col">Took</th><th scope="col" class="end">Asked</th>
                  </tr>
                </thead>
                <tbody>
                  @for (job of found.items; track job.id) {
                    <tr>
                      <td><a [routerLink]="['/jobs', job.id]">{{ job.name }}</a></td>
                      <td><an-state [state]="job.state" /></td>
                      <td data-label="Method">{{ job.method }}</td>
                      <td data-label="Base">{{ job.base }}</td>
                      <td data-label="Dataset"><a [routerLink]="['/datasets', job.dataset_id]">{{ job.dataset_name || job.dataset_id }}</a></td>
                      <td data-label="Took">{{ took(job) }}</td>
                      <td class="end" data-label="Asked"><an-moment [at]="job.created_at" /></td>
                    </tr>
                  }
                </tbody>
              </table>
            </div>
            <an-more [of]="page" />
          } @else if (filter() === 'all') {
            <an-empty icon="jobs" heading="Nothing has been trained yet">
              Choose a base model and a dataset; good settings are filled in for you.
              <a action matButton="filled" routerLink="/jobs/new">New job</a>
            </an-empty>
          } @else {
            <p class="muted">No job is {{ filter() }}.</p>
          }
        } @else if (!page.problem()) {
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
  /** The states to show, in the address: a filtered list can be linked to, and is there on the way back. */
  readonly state = input<string>();
  protected readonly filter = computed(() => FILTERS.find((name) => name === this.state()) ?? 'all');
  protected readonly page = pages(
    () => {
      const filter = this.filter();
      const state = filter === 'all' ? undefined : filter;
      return { key: `jobs/${filter}`, fetch: (cursor) => this.api.listTrainingJobs({ state, cursor }) };
    },
    (page) => (page.items.some((job) => MOVING.includes(job.state)) ? BUSY_MS : IDLE_MS),
  );

  protected show(filter: (typeof FILTERS)[number]): void {
    void this.router.navigate([], { queryParams: { state: filter === 'all' ? null : filter }, replaceUrl: true, scroll: 'manual' });
  }

  protected took(job: JobView): string {
    if (!job.started_at) return '–';
    const end = job.finished_at ? Date.parse(job.finished_at) : Date.now();
    return duration((end - Date.parse(job.started_at)) / 1000);
  }
}
