/** What differs between two versions of a dataset: rows added, removed, changed, or moved to another split. */
import { Component, computed, inject, input, linkedSignal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Router, RouterLink } from '@angular/router';

import { DifferingRow } from '../api/models';
import { DatasetService } from '../api/services';
import { CountPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { injectQuery } from '../platform/query';
import { RowTurns } from './row-turns';

const PAGE_SIZE = 10;
const KINDS = ['changed', 'removed', 'added', 'moved'] as const;

@Component({
  selector: 'an-version-diff',
  imports: [CountPipe, FormsModule, MatButton, MatFormFieldModule, MatInput, ProblemCard, RouterLink, RowTurns, Skeleton],
  templateUrl: './version-diff.html',
  styles: `
    .segmented { justify-self: start; }
    .rows { list-style: none; margin: 0; padding: 0; display: grid; gap: 0.8rem; }
    .rows > li { border-bottom: 1px solid var(--border); padding-bottom: 0.6rem; min-width: 0; }
    .sides { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); margin-top: 0.4rem; }
  `,
})
export class VersionDiff {
  readonly id = input.required<string>();
  readonly before = input<string>();
  readonly after = input<string>();
  readonly kind = input<(typeof KINDS)[number]>();
  private readonly api = inject(DatasetService);
  private readonly router = inject(Router);
  protected readonly kinds = KINDS;
  protected readonly pageSize = PAGE_SIZE;
  protected readonly dataset = injectQuery(() => ({ key: `dataset/${this.id()}`, fetch: () => this.api.getDataset({ dataset_id: this.id() }) }));
  protected readonly versions = computed(() => (this.dataset.value()?.versions ?? []).filter((version) => version.state === 'ready'));
  private readonly selected = computed(() => {
    const after = this.after() ?? this.dataset.value()?.version ?? undefined;
    const parent = this.versions().find((version) => version.version === after)?.edit?.parent;
    return { after, before: this.before() ?? parent ?? this.versions().find((version) => version.version !== after)?.version };
  });
  protected readonly sides = computed(() => [
    { name: 'before', label: 'Earlier version', version: this.selected().before },
    { name: 'after', label: 'Later version', version: this.selected().after },
  ]);
  protected readonly offset = linkedSignal({ source: () => [this.selected(), this.kind()], computation: () => 0 });
  protected readonly difference = injectQuery(() => {
    const { before, after } = this.selected();
    if (!before || !after) return undefined;
    const params = { dataset_id: this.id(), before, after, kind: this.kind(), offset: this.offset(), limit: PAGE_SIZE };
    return { key: `diff/${JSON.stringify(params)}`, fetch: () => this.api.diffVersions(params) };
  });

  protected show(queryParams: Record<string, string | undefined>): void {
    void this.router.navigate([], { queryParams, queryParamsHandling: 'merge', replaceUrl: true });
  }

  protected selectVersion(side: string, version: string): void {
    this.show({ before: this.selected().before, after: this.selected().after, [side]: version, kind: undefined });
  }

  protected rowSides(row: DifferingRow) {
    return [
      { label: 'Before', row: row.before },
      { label: 'After', row: row.after },
    ].flatMap(({ label, row }) => (row ? [{ label, row }] : []));
  }
}
