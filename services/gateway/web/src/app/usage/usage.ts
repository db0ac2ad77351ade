/** What the project and the caller use, and how much they may. The operator sets a project's limits. */
import { Component, computed, inject, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';

import { ProjectLimits } from '../api/models';
import { SystemService, TrainingService } from '../api/services';
import { CountPipe, MetricPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { ProgressBar } from '../elements/progress-bar';
import { Skeleton } from '../elements/skeleton';
import { Notifications } from '../platform/notifications';
import { injectQuery } from '../platform/query';
import { injectSession } from '../platform/session';
import { LimitRow, limitRow, toAmount } from './limit-rows';

const POLL_INTERVAL_MS = 5000;

@Component({
  selector: 'an-usage',
  imports: [CountPipe, FormsModule, MatButton, MatFormFieldModule, MatInput, MetricPipe, ProblemCard, ProgressBar, Skeleton],
  templateUrl: './usage.html',
  styles: `.bar { width: 35%; vertical-align: middle; }`,
})
export class UsagePage {
  private readonly system = inject(SystemService);
  private readonly notifications = inject(Notifications);
  private readonly trainingApi = inject(TrainingService);
  protected readonly session = injectSession();
  protected readonly training = injectQuery(() => ({ key: 'training-usage', fetch: () => this.trainingApi.getTrainingUsage() }), () => POLL_INTERVAL_MS);
  protected readonly limits = injectQuery(() => ({ key: 'limits', fetch: () => this.system.showLimits() }), () => POLL_INTERVAL_MS);
  protected readonly groups = computed(() => {
    const rows = (per: 'key' | 'project') => (this.limits.value()?.limits ?? []).filter((limit) => limit.per === per).map(limitRow);
    const groups = [
      { per: 'project', heading: `Project ${this.session.caller()?.project ?? ''}`, rows: rows('project') },
      { per: 'key', heading: 'You', rows: rows('key') },
    ];
    return groups.filter((group) => group.rows.length);
  });
  protected readonly projectRows = computed(() => this.groups().find(({ per }) => per === 'project')?.rows ?? []);
  /** The numbers that were entered, by limit. */
  private readonly entered = signal<Record<string, number | null>>({});
  protected readonly changed = computed(() => Object.keys(this.entered()).length > 0);

  protected fieldOf(row: LimitRow): number | null {
    return row.name in this.entered() ? this.entered()[row.name]! : row.field;
  }

  protected change(name: string, value: number | null): void {
    this.entered.update((entered) => ({ ...entered, [name]: value }));
  }

  /** Sends all limits: one that is left out would be the default of the settings again. */
  protected async save(): Promise<void> {
    const amounts = this.projectRows().map((row) => [row.name, this.fieldOf(row)] as const);
    const body: ProjectLimits = Object.fromEntries(amounts.map(([name, value]) => [name, value === null ? null : toAmount(name, value)]));
    if (!(await this.notifications.run(() => this.system.setLimits({ target: this.session.caller()!.project, body }), 'The limits are set.'))) return;
    this.entered.set({});
    this.limits.refetch();
  }
}
