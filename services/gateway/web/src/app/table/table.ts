/** A table to search, filter, sort, group and page through, whose view is in the address, with actions on selected rows. */
import { NgTemplateOutlet } from '@angular/common';
import { Component, computed, contentChild, inject, input, linkedSignal, TemplateRef } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { RouterLink } from '@angular/router';

import { save } from '../elements/files';
import { Icon } from '../elements/icon';
import { CountPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { injectAddress } from '../platform/address';
import { List, MAX_LISTED } from '../platform/list';
import { Column, Filter } from './columns';
import { filterRows, groupRows, pageOf, rowsToCsv, sortRows } from './rows';
import { SavedViews } from './saved-views';
import { Selections } from './selections';

/** Rows of a page: what a browser draws and scrolls without a pause. */
const PAGE_SIZE = 100;

@Component({
  selector: 'an-table',
  imports: [CountPipe, Icon, MatButton, NgTemplateOutlet, ProblemCard, RelativeTime, RouterLink, SavedViews, Skeleton, StateBadge],
  templateUrl: './table.html',
  styleUrl: './table.scss',
})
export class Table<T extends { id: string }> {
  /** What the rows are, in the plural: `jobs`. The selection and saved views are kept under it. */
  readonly noun = input.required<string>();
  readonly list = input.required<Pick<List<T>, 'items' | 'problem' | 'loading' | 'more' | 'refetch'>>();
  /** The first column is always shown. */
  readonly columns = input.required<readonly Column<T>[]>();
  /** The names of the columns to begin with; all without it. */
  readonly defaults = input<readonly string[]>();
  readonly filters = input<readonly Filter<T>[]>([]);
  /** The text that the search looks into. */
  readonly searched = input.required<(row: T) => string>();
  /** What the search looks into, for its placeholder. */
  readonly searchHint = input('Search');
  readonly defaultSort = input('-created');
  /** Rows that can be selected for actions; none without it. */
  readonly selectable = input<((row: T) => boolean) | null>(null);
  /** Before the names of the parameters in the address, where a page has several tables. */
  readonly prefix = input('');
  /** The actions on the selected rows, given as the context. */
  protected readonly bulk = contentChild<TemplateRef<{ $implicit: T[] }>>('bulk');
  /** The cell of a `custom` column. */
  protected readonly cell = contentChild<TemplateRef<{ $implicit: T; column: Column<T> }>>('cell');
  /** The actions of one row. */
  protected readonly rowActions = contentChild<TemplateRef<{ $implicit: T }>>('actions');

  private readonly address = injectAddress();
  private readonly selections = inject(Selections);
  protected readonly maxListed = MAX_LISTED;
  protected readonly pageSize = PAGE_SIZE;

  protected readonly loaded = computed(() => this.list().items() ?? []);
  protected readonly query = linkedSignal(() => this.param('q') ?? '');
  protected readonly order = computed(() => this.param('sort') ?? this.defaultSort());
  protected readonly sortColumn = computed(() => this.order().replace('-', ''));
  protected readonly direction = computed(() => (this.order().startsWith('-') ? 'descending' : 'ascending'));
  protected readonly defaultColumns = computed(() => this.defaults() ?? this.columns().map(({ name }) => name));
  protected readonly shownColumns = computed(() => {
    const names = this.param('columns')?.split(',') ?? this.defaultColumns();
    return this.columns().filter(({ name }, index) => index === 0 || names.includes(name));
  });
  protected readonly isCustomized = computed(() => this.param('columns') !== undefined);
  protected readonly groupColumn = computed(() => this.groupable().find(({ name }) => name === this.param('group')));
  protected readonly groupable = computed(() => this.columns().filter((column, index) => index > 0 && !column.numeric && column.kind !== 'custom'));
  protected readonly choices = computed(() =>
    this.filters().map((filter) => {
      const chosen = this.param(filter.name) ?? '';
      const values = filter.values ?? [...new Set([...this.loaded().flatMap(filter.value), chosen])].filter(Boolean).sort();
      const narrows = new Set(this.loaded().map((row) => [filter.value(row)].flat().join('\n'))).size > 1;
      return { filter, chosen, values, narrows, label: `Filter by ${filter.all.replace(/^All /, '').replace(/s$/, '')}` };
    }),
  );
  protected readonly shown = computed(() => {
    const matching = filterRows(this.loaded(), this.query(), this.searched(), this.filters(), (name) => this.param(name));
    return sortRows(matching, this.order(), this.columns());
  });
  private readonly groups = computed(() => groupRows(this.shown(), this.groupColumn()));
  protected readonly from = computed(() => {
    const page = Math.max(1, Math.floor(Number(this.param('page') ?? 1)) || 1);
    return Math.min(page - 1, Math.max(0, Math.ceil(this.shown().length / PAGE_SIZE) - 1)) * PAGE_SIZE;
  });
  protected readonly page = computed(() => pageOf(this.groups(), this.from(), PAGE_SIZE));
  protected readonly groupSizes = computed(() => new Map(this.groups().map(({ label, rows }) => [label, rows.length])));

  protected readonly choosable = computed(() => {
    const selectable = this.selectable();
    return selectable ? this.shown().filter(selectable) : [];
  });
  /** The selected rows in the order of the table; a row that is filtered out is not acted on. */
  protected readonly selected = computed(() => {
    const ids = this.selections.of(this.noun())();
    return this.choosable().filter((row) => ids.has(row.id));
  });
  protected readonly selectedIds = computed(() => new Set(this.selected().map((row) => row.id)));
  protected readonly allSelected = computed(() => this.selected().length > 0 && this.selected().length === this.choosable().length);

  private param(name: string): string | undefined {
    return this.address.params().get(this.prefix() + name) ?? undefined;
  }

  /** Changes the view, and begins at its first page. A value of null removes the parameter. */
  protected show(changes: Record<string, string | null>): void {
    const named = Object.entries({ page: null, ...changes }).map(([name, value]) => [this.prefix() + name, value]);
    this.address.show(Object.fromEntries(named));
  }

  protected search(text: string): void {
    this.query.set(text);
    this.show({ q: text || null });
  }

  protected choose(filter: string, value: string): void {
    this.show({ [filter]: value || null });
  }

  protected clear(): void {
    this.query.set('');
    this.show(Object.fromEntries(['q', ...this.filters().map(({ name }) => name)].map((name) => [name, null])));
  }

  /** Sorts by the column, or turns its direction around. Numbers begin with the highest. */
  protected sortBy(column: Column<T>): void {
    const descending = this.sortColumn() === column.name ? this.direction() === 'ascending' : column.numeric;
    this.setSort(descending ? `-${column.name}` : column.name);
  }

  protected setSort(order: string): void {
    this.show({ sort: order === this.defaultSort() ? null : order });
  }

  protected turnTo(from: number): void {
    this.show({ page: from ? String(from / PAGE_SIZE + 1) : null });
  }

  protected toggleColumn(name: string, shown: boolean): void {
    const before = this.shownColumns().map((column) => column.name);
    const names = this.columns().map((column) => column.name).filter((other) => (other === name ? shown : before.includes(other)));
    const isDefault = names.join() === this.columns().map((column) => column.name).filter((other) => this.defaultColumns().includes(other)).join();
    this.show({ columns: isDefault ? null : names.join() });
  }

  protected select(rows: readonly T[], selected: boolean): void {
    this.selections.change(this.noun(), rows.map((row) => row.id), selected);
  }

  /** The selected rows, or all that are shown, with the shown columns. */
  protected saveCsv(): void {
    const rows = this.selected().length ? this.selected() : this.shown();
    save(new Blob([rowsToCsv(rows, this.shownColumns())], { type: 'text/csv' }), `${this.noun().replaceAll(' ', '-')}.csv`);
  }

  protected nameOf(row: T): string {
    return this.columns()[0]!.text(row);
  }
}
