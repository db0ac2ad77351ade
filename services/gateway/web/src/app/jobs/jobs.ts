/** All training jobs as a table, with actions on several jobs. */
import { Component, inject } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { RouterLink } from '@angular/router';

import { JobView } from '../api/models';
import { TrainingService } from '../api/services';
import { BulkActions } from '../elements/bulk-actions';
import { EmptyState } from '../elements/empty-state';
import { Icon } from '../elements/icon';
import { injectList } from '../platform/list';
import { isFinal } from '../platform/run-state';
import { Table } from '../table/table';
import { MAX_COMPARED } from './comparison/series';
import { COLUMNS, DEFAULT_COLUMNS, FILTERS, searchedText } from './job-columns';

const ACTIVE_POLL_INTERVAL_MS = 2000;
const IDLE_POLL_INTERVAL_MS = 10_000;
const PAGE_SIZE = 200;
const ACTIVE_STATES = ['queued', 'running', 'pausing', 'publishing'];

@Component({
  selector: 'an-jobs',
  imports: [EmptyState, Icon, MatButton, RouterLink, Table],
  templateUrl: './jobs.html',
})
export class Jobs {
  private readonly api = inject(TrainingService);
  private readonly bulkActions = inject(BulkActions);
  protected readonly columns = COLUMNS;
  protected readonly defaults = DEFAULT_COLUMNS;
  protected readonly filters = FILTERS;
  protected readonly searchedText = searchedText;
  protected readonly maxCompared = MAX_COMPARED;
  protected readonly selectable = () => true;
  protected readonly jobs = injectList<JobView>(
    'jobs',
    (cursor) => this.api.listTrainingJobs({ cursor, limit: PAGE_SIZE }),
    ({ items }) => (items.some((job) => ACTIVE_STATES.includes(job.state)) ? ACTIVE_POLL_INTERVAL_MS : IDLE_POLL_INTERVAL_MS),
  );

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
