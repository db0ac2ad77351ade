/** All training jobs as a table, with actions on several jobs. */
import { Component, computed, inject, signal, untracked } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { RouterLink } from '@angular/router';

import { JobChange, JobView } from '../api/models';
import { TrainingService } from '../api/services';
import { BulkActions } from '../elements/bulk-actions';
import { EmptyState } from '../elements/empty-state';
import { Icon } from '../elements/icon';
import { injectList, List } from '../platform/list';
import { Notifications } from '../platform/notifications';
import { isFinal } from '../platform/run-state';
import { viewState } from '../platform/view-state';
import { Table } from '../table/table';
import { MAX_COMPARED } from './comparison/series';
import { COLUMNS, DEFAULT_COLUMNS, FILTERS, searchedText } from './job-columns';

const ACTIVE_POLL_INTERVAL_MS = 2000;
const IDLE_POLL_INTERVAL_MS = 10_000;
/** The first rows are on the screen before the others are asked for. */
const FIRST_PAGE_SIZE = 50;
const PAGE_SIZE = 200;
const ACTIVE_STATES = ['queued', 'running', 'pausing', 'publishing'];

@Component({
  selector: 'an-jobs',
  imports: [EmptyState, FormsModule, Icon, MatButton, RouterLink, Table],
  templateUrl: './jobs.html',
  styles: `form input { font: inherit; box-sizing: border-box; width: 9rem; height: 2.25rem; padding: 0.3rem 0.6rem; color: inherit; background: var(--surface); border: 1px solid var(--border-strong); border-radius: var(--radius); }`,
})
export class Jobs {
  private readonly api = inject(TrainingService);
  private readonly bulkActions = inject(BulkActions);
  private readonly notifications = inject(Notifications);
  protected readonly columns = COLUMNS;
  protected readonly filters = FILTERS;
  protected readonly searchedText = searchedText;
  protected readonly maxCompared = MAX_COMPARED;
  protected readonly selectable = () => true;
  protected readonly jobs: List<JobView> = injectList<JobView>(
    'jobs',
    (cursor) => this.api.listTrainingJobs({ cursor, limit: cursor || untracked(this.jobs.items) ? PAGE_SIZE : FIRST_PAGE_SIZE }),
    ({ items }) => (items.some((job) => ACTIVE_STATES.includes(job.state)) ? ACTIVE_POLL_INTERVAL_MS : IDLE_POLL_INTERVAL_MS),
  );

  protected readonly showArchived = viewState('jobs.archived', false);
  protected readonly shown: List<JobView> = {
    ...this.jobs,
    items: computed(() => this.jobs.items()?.filter((job) => this.showArchived() || !job.archived)),
  };
  protected readonly defaults = computed(() => (this.jobs.items()?.some((job) => job.tags.length) ? [...DEFAULT_COLUMNS, 'tags'] : DEFAULT_COLUMNS));
  protected readonly archived = computed(() => (this.jobs.items() ?? []).filter((job) => job.archived).length);
  /** What is written into the field beside *Add tag*. */
  protected readonly tag = signal('');

  protected archivableOf(jobs: JobView[]): JobView[] {
    return jobs.filter((job) => isFinal(job.state) && !job.archived);
  }

  protected allArchived(jobs: JobView[]): boolean {
    return jobs.every((job) => job.archived);
  }

  protected isTagged(jobs: JobView[]): boolean {
    return jobs.some((job) => job.tags.includes(this.tag().trim()));
  }

  protected async archive(jobs: JobView[], archived: boolean): Promise<void> {
    await this.update(jobs, { archived }, archived ? 'Archived' : 'Unarchived');
  }

  protected async changeTag(jobs: JobView[], change: 'add_tags' | 'remove_tags'): Promise<void> {
    const tag = this.tag().trim();
    const done = change === 'add_tags' ? `Added “${tag}” to` : `Removed “${tag}” from`;
    if (await this.update(jobs, { [change]: [tag] }, done)) this.tag.set('');
  }

  private async update(jobs: JobView[], body: JobChange, done: string): Promise<boolean> {
    const requests = async () => {
      for (const { id } of jobs) await this.api.updateTrainingJob({ id, body });
    };
    const succeeded = await this.notifications.run(requests, `${done} ${jobs.length === 1 ? jobs[0]!.name : `${jobs.length} jobs`}.`);
    this.jobs.refetch();
    return succeeded;
  }

  protected cancellableOf(jobs: JobView[]): JobView[] {
    return jobs.filter((job) => !isFinal(job.state) && job.wanted !== 'cancel');
  }

  protected idsOf(jobs: JobView[]): string {
    return jobs.map((job) => job.id).join();
  }

  protected async cancel(jobs: JobView[]): Promise<void> {
    await this.bulkActions.run(jobs, {
      heading: jobs.length === 1 ? 'Cancel this job?' : `Cancel ${jobs.length} jobs?`,
      text: 'A cancelled job cannot be resumed and produces no model. To continue later, pause it instead.',
      confirmLabel: jobs.length === 1 ? 'Cancel job' : 'Cancel jobs',
      dismissLabel: 'Keep running',
      done: (count) => (count === 1 ? 'Cancelling the job.' : `Cancelling ${count} jobs.`),
      action: (id) => this.api.cancelTrainingJob({ id }),
    });
    this.jobs.refetch();
  }
}
