/** The rows of a dataset's current version: search and filter them, and exclude some into a new version. */
import { Component, computed, inject, input, linkedSignal, model, output, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';

import { DatasetView, ExcludeRequest } from '../api/models';
import { DatasetService } from '../api/services';
import { Confirm } from '../elements/confirm';
import { formatCounted } from '../elements/format';
import { Icon } from '../elements/icon';
import { CountPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { Notifications } from '../platform/notifications';
import { injectEmit } from '../platform/output';
import { injectQuery } from '../platform/query';
import { RowTurns } from './row-turns';
import { Split } from './training-example';

const PAGE_SIZE = 10;

@Component({
  selector: 'an-rows-panel',
  imports: [CountPipe, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, ProblemCard, RowTurns, Skeleton],
  templateUrl: './rows-panel.html',
  styles: `
    .rows { list-style: none; margin: 0; padding: 0; display: grid; gap: 0.6rem; }
    .rows li { border-bottom: 1px solid var(--border); padding-bottom: 0.6rem; min-width: 0; }
    form { margin: 0.6rem 0; align-items: center; }
    .actions { margin: 0.6rem 0; min-height: 2.5rem; }
  `,
})
export class RowsPanel {
  readonly dataset = input.required<DatasetView>();
  readonly split = model.required<Split>();
  /** Emits the dataset with its new version. */
  readonly edited = output<DatasetView>();
  private readonly emitEdited = injectEmit(this.edited);
  private readonly api = inject(DatasetService);
  private readonly confirm = inject(Confirm);
  private readonly notifications = inject(Notifications);
  protected readonly pageSize = PAGE_SIZE;
  protected readonly splits = computed(() => Object.keys(this.dataset().report?.splits ?? {}) as Split[]);
  protected readonly columns = computed(() => this.dataset().report?.kept_columns ?? []);
  protected readonly text = signal('');
  protected readonly column = signal('');
  protected readonly value = signal('');
  protected readonly busy = signal(false);
  /** What was searched for; the fields may have changed since. */
  private readonly filter = signal<{ search?: string; where?: string }>({});
  protected readonly filtered = computed(() => Boolean(this.filter().search ?? this.filter().where));
  private readonly view = computed(() => ({ version: this.dataset().version ?? undefined, split: this.split(), ...this.filter() }));
  protected readonly offset = linkedSignal({ source: this.view, computation: () => 0 });
  protected readonly selected = linkedSignal<unknown, ReadonlySet<number>>({ source: this.view, computation: () => new Set() });
  protected readonly page = injectQuery(() => {
    const params = { dataset_id: this.dataset().id, ...this.view(), offset: this.offset(), limit: PAGE_SIZE };
    return { key: `preview/${JSON.stringify(params)}`, fetch: () => this.api.previewDataset(params) };
  });

  protected find(): void {
    const search = this.text().trim();
    this.filter.set({ ...(search ? { search } : {}), ...(this.column() ? { where: `${this.column()}=${this.value()}` } : {}) });
  }

  private showAll(): void {
    this.text.set('');
    this.column.set('');
    this.filter.set({});
  }

  protected toggle(id: number): void {
    this.selected.update((selected) => (selected.has(id) ? new Set([...selected].filter((other) => other !== id)) : new Set([...selected, id])));
  }

  protected excludeSelected(): Promise<void> {
    return this.exclude({ rows: [...this.selected()] }, this.selected().size);
  }

  protected excludeMatches(count: number): Promise<void> {
    return this.exclude({ ...this.filter(), split: this.split() }, count);
  }

  private async exclude(body: ExcludeRequest, count: number): Promise<void> {
    const rows = formatCounted(count, 'row');
    const text = 'This makes a new version without them. The current version stays, and jobs keep the version they started with.';
    if (!(await this.confirm.open({ heading: `Exclude ${rows}?`, text, confirmLabel: `Exclude ${rows}` }))) return;
    this.busy.set(true);
    const request = { dataset_id: this.dataset().id, body: { ...body, version: this.dataset().version } };
    const made = await this.notifications.run(async () => this.emitEdited(await this.api.excludeRows(request)), `Made a version without ${rows}.`);
    if (made) this.showAll();
    this.busy.set(false);
  }
}
