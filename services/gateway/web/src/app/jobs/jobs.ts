/** All training jobs as a table: searched, filtered and sorted by the address, with actions on several jobs. */
import { Component, computed, inject, input, linkedSignal } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { Router, RouterLink } from '@angular/router';

import { JobView } from '../api/models';
import { SystemService, TrainingService } from '../api/services';
import { Confirm } from '../elements/confirm';
import { EmptyState } from '../elements/empty-state';
import { Icon } from '../elements/icon';
import { CountPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { Notifications } from '../platform/notifications';
import { injectPagedQuery } from '../platform/paged-query';
import { toProblem } from '../platform/problem';
import { injectQuery } from '../platform/query';
import { isFinal } from '../platform/run-state';
import { viewState } from '../platform/view-state';
import { MAX_COMPARED } from './comparison/series';
import { COLUMNS, DEFAULT_COLUMNS } from './job-columns';
import { filterJobs, sortJobs } from './job-filter';
import { METHODS } from './settings-fields';

const ACTIVE_POLL_INTERVAL_MS = 2000;
const IDLE_POLL_INTERVAL_MS = 10_000;
const PAGE_SIZE = 200;
const ACTIVE_STATES = ['queued', 'running', 'pausing', 'publishing'];
const STATES = ['all', 'running', 'queued', 'paused', 'succeeded', 'failed', 'cancelled'] as const;
const DEFAULT_SORT = '-created';
const SHOWN_NAMES = 8;

@Component({
  selector: 'an-jobs',
  imports: [CountPipe, EmptyState, Icon, MatButton, ProblemCard, RelativeTime, RouterLink, Skeleton, StateBadge],
  templateUrl: './jobs.html',
  styleUrl: './jobs.scss',
})
export class Jobs {
  private readonly api = inject(TrainingService);
  private readonly system = inject(SystemService);
  private readonly router = inject(Router);
  private navigation: Promise<unknown> = Promise.resolve();
  private readonly confirm = inject(Confirm);
  private readonly notifications = inject(Notifications);
  protected readonly states = STATES;
  protected readonly methods = METHODS;
  protected readonly allColumns = COLUMNS;
  protected readonly maxCompared = MAX_COMPARED;
  /** The view is in the query parameters, so that it can be bookmarked and survives navigation. */
  readonly state = input<string>();
  readonly q = input<string>();
  readonly method = input<string>();
  readonly base = input<string>();
  readonly sort = input<string>();
  readonly columns = input<string>();
  protected readonly shownState = computed(() => STATES.find((name) => name === this.state()) ?? 'all');
  protected readonly query = linkedSignal(() => this.q() ?? '');
  protected readonly order = computed(() => this.sort() ?? DEFAULT_SORT);
  protected readonly sortColumn = computed(() => this.order().replace('-', ''));
  protected readonly direction = computed(() => (this.order().startsWith('-') ? 'descending' : 'ascending'));
  protected readonly shownColumns = computed(() => {
    const names = this.columns()?.split(',') ?? DEFAULT_COLUMNS;
    return COLUMNS.filter(({ name }) => name === 'name' || names.includes(name));
  });
  protected readonly isFiltered = computed(() => Boolean(this.query().trim() || this.method() || this.base()));

  protected readonly jobs = injectPagedQuery(
    () => {
      const name = this.shownState();
      const state = name === 'all' ? undefined : name;
      return { key: `jobs/${name}`, fetch: (cursor) => this.api.listTrainingJobs({ state, cursor, limit: PAGE_SIZE }) };
    },
    ({ items }) => (items.length <= PAGE_SIZE && items.some((job) => ACTIVE_STATES.includes(job.state)) ? ACTIVE_POLL_INTERVAL_MS : IDLE_POLL_INTERVAL_MS),
  );
  /** Counts the jobs where not all of them are loaded. */
  private readonly overview = injectQuery(() => (this.jobs.value()?.next_cursor ? { key: 'overview', fetch: () => this.system.showOverview() } : undefined));
  protected readonly total = computed(() => {
    const counts = this.overview.value()?.jobs;
    const state = this.shownState();
    return counts && (state === 'all' ? Object.values(counts).reduce((sum, count) => sum + count, 0) : counts[state]);
  });
  protected readonly loaded = computed(() => this.jobs.value()?.items ?? []);
  protected readonly bases = computed(() => [...new Set([...(this.base() ? [this.base()!] : []), ...this.loaded().map((job) => job.base_name)])].sort());
  protected readonly shown = computed(() => {
    const matching = filterJobs(this.loaded(), { query: this.query(), method: this.method() ?? '', base: this.base() ?? '' });
    return sortJobs(matching, this.order());
  });

  private readonly selection = viewState<string[]>('jobs.selected', []);
  /** The selected jobs in the order of the table; a job that is filtered out is not acted on. */
  protected readonly selected = computed(() => this.shown().filter((job) => this.selection().includes(job.id)));
  protected readonly selectedIds = computed(() => new Set(this.selected().map((job) => job.id)));
  protected readonly comparedIds = computed(() => this.selected().map((job) => job.id).join());
  protected readonly cancellable = computed(() => this.selected().filter((job) => !isFinal(job.state) && job.wanted !== 'cancel'));

  /** Changes the view. A value of null removes the parameter. */
  protected show(queryParams: Record<string, string | null>): void {
    // One after another: a navigation that begins during another one would drop its changes.
    this.navigation = this.navigation.then(() => this.router.navigate([], { queryParams, queryParamsHandling: 'merge', replaceUrl: true, scroll: 'manual' }));
  }

  protected search(text: string): void {
    this.query.set(text);
    this.show({ q: text || null });
  }

  /** Sorts by the column, or turns its direction around. Numbers begin with the highest. */
  protected sortBy(name: string): void {
    const descending = this.sortColumn() === name ? this.direction() === 'ascending' : (COLUMNS.find((column) => column.name === name)?.numeric ?? false);
    this.setSort(descending ? `-${name}` : name);
  }

  protected setSort(order: string): void {
    this.show({ sort: order === DEFAULT_SORT ? null : order });
  }

  protected toggleColumn(name: string, shown: boolean): void {
    const before = this.shownColumns().map((column) => column.name);
    const names = COLUMNS.map((column) => column.name).filter((other) => (other === name ? shown : before.includes(other)));
    this.show({ columns: names.join() === DEFAULT_COLUMNS.join() ? null : names.join() });
  }

  protected select(ids: string[], selected: boolean): void {
    this.selection.update((before) => [...before.filter((id) => !ids.includes(id)), ...(selected ? ids : [])]);
  }

  protected selectAllShown(selected: boolean): void {
    this.select(this.shown().map((job) => job.id), selected);
  }

  protected async cancelSelected(): Promise<void> {
    const jobs = this.cancellable();
    const names = jobs.slice(0, SHOWN_NAMES).map((job) => job.name);
    const confirmed = await this.confirm.open({
      heading: jobs.length === 1 ? 'Cancel this job?' : `Cancel ${jobs.length} jobs?`,
      text: 'A cancelled job cannot be resumed and produces no model. To continue later, pause it instead.',
      consequences: jobs.length > SHOWN_NAMES ? [...names, `and ${jobs.length - SHOWN_NAMES} more`] : names,
      confirmLabel: jobs.length === 1 ? 'Cancel job' : 'Cancel jobs',
      dismissLabel: 'Keep running',
    });
    if (confirmed) await this.cancelAll(jobs);
  }

  /** Cancels the jobs one after another: a job that has ended meanwhile does not keep the others from being cancelled. */
  private async cancelAll(jobs: JobView[]): Promise<void> {
    const failures: { job: JobView; failure: unknown }[] = [];
    for (const job of jobs) {
      await this.api.cancelTrainingJob({ id: job.id }).catch((failure: unknown) => failures.push({ job, failure }));
    }
    const cancelled = jobs.length - failures.length;
    const [first] = failures;
    if (first) {
      const problem = toProblem(first.failure);
      this.notifications.showProblem({ ...problem, detail: `Cancelled ${cancelled} of ${jobs.length} jobs. ${first.job.name}: ${problem.detail}` });
    } else {
      this.notifications.confirm(cancelled === 1 ? 'Cancelling the job.' : `Cancelling ${cancelled} jobs.`);
    }
    this.jobs.refetch();
  }
}
