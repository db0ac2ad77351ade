/** Repeated rows of a dataset, and prompts of train in its held-out splits; removes repetitions into a new version. */
import { Component, computed, inject, input, linkedSignal, output, signal } from '@angular/core';
import { MatButton } from '@angular/material/button';

import { DatasetView, Duplicates } from '../api/models';
import { DatasetService } from '../api/services';
import { Icon } from '../elements/icon';
import { CountPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { Notifications } from '../platform/notifications';
import { injectEmit } from '../platform/output';
import { injectQuery } from '../platform/query';

const POLL_INTERVAL_MS = 2000;

@Component({
  selector: 'an-duplicates-panel',
  imports: [CountPipe, Icon, MatButton, ProblemCard, Skeleton],
  template: `
    <div class="card-head">
      <h2 id="duplicates">Duplicates and overlap</h2>
      @if (!requested()) {
        <button matButton="outlined" (click)="requested.set(true)"><an-icon name="search" />Find duplicates</button>
      }
    </div>
    @if (!requested()) {
      <p class="muted">Equal and nearly equal rows, and held-out rows whose prompt is trained on.</p>
    } @else if (duplicates.problem(); as problem) {
      <an-problem [problem]="problem" [retryable]="true" (retry)="duplicates.refetch()" />
    } @else if (duplicates.value(); as found) {
      <dl class="facts">
        <dt>Equal to another row</dt><dd>{{ found.exact | count }} of {{ found.rows | count }}</dd>
        <dt>Nearly equal to another row</dt><dd>{{ found.near === null ? 'not searched above 200,000 rows' : (found.near | count) }}</dd>
        @for (overlap of found.overlap; track overlap.split) {
          <dt>Prompts of {{ overlap.split }} in train</dt>
          <dd [class.error-text]="overlap.exact">{{ overlap.exact | count }} equal@if (overlap.near !== null) {, {{ overlap.near | count }} nearly equal}, of {{ overlap.rows | count }} rows</dd>
        }
      </dl>
      @if (examples().length) {
        <details>
          <summary>Examples</summary>
          <ol class="pairs">
            @for (pair of examples(); track $index) {
              <li>
                @for (row of pair.rows; track $index) {
                  <p><small class="muted">{{ row.split }}, {{ row.source }}</small><br />{{ row.text }}</p>
                }
                <small class="muted">{{ percent(pair.similarity) }} % similar</small>
              </li>
            }
          </ol>
        </details>
      }
      <div class="row">
        @if (found.exact) {
          <button matButton="outlined" [disabled]="busy()" (click)="remove(false)">Remove equal rows</button>
        }
        @if (found.near) {
          <button matButton="outlined" [disabled]="busy()" (click)="remove(true)">Remove equal and nearly equal rows</button>
        }
      </div>
      @if (found.exact || found.near) {
        <p class="muted">This makes a new version. Of such rows one stays: the one in test, else in validation, else in train.</p>
      }
    } @else {
      <an-skeleton [lines]="3" />
    }
  `,
  styles: `
    .pairs { display: grid; gap: 0.6rem; padding-left: 1.2rem; max-height: 24rem; overflow: auto; }
    .pairs p { margin: 0.2rem 0; max-width: none; overflow-wrap: anywhere; white-space: pre-line; }
    .row { margin-top: 0.6rem; }
  `,
})
export class DuplicatesPanel {
  readonly dataset = input.required<DatasetView>();
  /** Emits the dataset with its new version. */
  readonly edited = output<DatasetView>();
  private readonly emitEdited = injectEmit(this.edited);
  private readonly api = inject(DatasetService);
  private readonly notifications = inject(Notifications);
  private readonly version = computed(() => this.dataset().version ?? undefined);
  protected readonly requested = linkedSignal({ source: this.version, computation: () => false });
  protected readonly busy = signal(false);
  protected readonly duplicates = injectQuery<Duplicates | undefined>(
    () => {
      if (!this.requested()) return undefined;
      const params = { dataset_id: this.dataset().id, version: this.version() };
      return { key: `duplicates/${params.version}`, fetch: () => this.api.findDuplicates(params).then((found) => found ?? undefined) };
    },
    (found) => (found ? null : POLL_INTERVAL_MS), // 202: still being searched
  );
  protected readonly examples = computed(() => {
    const found = this.duplicates.value();
    return found ? [...found.overlap.flatMap((overlap) => overlap.examples), ...found.examples] : [];
  });

  protected percent(share: number): number {
    return Math.round(100 * share);
  }

  protected async remove(near: boolean): Promise<void> {
    this.busy.set(true);
    const request = { dataset_id: this.dataset().id, body: { near, version: this.version() } };
    await this.notifications.run(async () => this.emitEdited(await this.api.deduplicateRows(request)), 'Made a version without duplicates.');
    this.busy.set(false);
  }
}
