/** A notification of the browser when a job ends, also while the tab is in the background. */
import { effect, inject, Injectable, signal } from '@angular/core';

import { JobView } from '../api/models';
import { TrainingService } from '../api/services';
import { sentenceCase } from '../elements/format';
import { Connection } from '../platform/connection';
import { isFinal } from '../platform/run-state';
import { storedSignal } from '../platform/storage';

const POLL_INTERVAL_MS = 15_000;
const WATCHED = 50;

/** The jobs that were running before and have ended now. */
export function endedJobs(active: ReadonlySet<string>, jobs: readonly JobView[]): JobView[] {
  return jobs.filter((job) => active.has(job.id) && isFinal(job.state));
}

@Injectable({ providedIn: 'root' })
export class JobNotifications {
  private readonly api = inject(TrainingService);
  private readonly connection = inject(Connection);
  private active: ReadonlySet<string> = new Set();
  readonly permission = signal<NotificationPermission | 'unsupported'>(typeof Notification === 'undefined' ? 'unsupported' : Notification.permission);
  /** Whether this browser wants them. */
  readonly wanted = storedSignal('job-notifications', false);

  constructor() {
    effect((onCleanup) => {
      if (!this.wanted() || this.permission() !== 'granted') return;
      void this.check();
      const timer = setInterval(() => void this.check(), POLL_INTERVAL_MS);
      onCleanup(() => clearInterval(timer));
    });
  }

  /** Asks for the browser's permission if it must. */
  async turn(on: boolean): Promise<void> {
    if (on && this.permission() === 'default') this.permission.set(await Notification.requestPermission());
    this.wanted.set(on && this.permission() === 'granted');
  }

  private async check(): Promise<void> {
    if (this.connection.offline() || this.connection.signedOut()) return;
    const jobs = await this.api.listTrainingJobs({ limit: WATCHED }).then(({ items }) => items, () => undefined);
    if (!jobs) return;
    for (const job of endedJobs(this.active, jobs)) this.notify(job);
    this.active = new Set(jobs.filter((job) => !isFinal(job.state)).map((job) => job.id));
  }

  private notify(job: JobView): void {
    const notification = new Notification(`${job.name}: ${sentenceCase(job.state)}`, { body: job.detail ?? '', tag: job.id });
    notification.onclick = () => {
      focus();
      location.assign(`/ui/jobs/${job.id}`);
    };
  }
}
