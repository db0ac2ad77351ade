/** All datasets, with the upload panel and the samples. */
import { HttpClient } from '@angular/common/http';
import { Component, effect, inject, untracked } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { firstValueFrom } from 'rxjs';

import { DatasetView, Sample } from '../api/models';
import { DatasetService } from '../api/services';
import { BulkActions } from '../elements/bulk-actions';
import { EmptyState } from '../elements/empty-state';
import { Icon } from '../elements/icon';
import { formatCount, sentenceCase } from '../elements/format';
import { BytesPipe } from '../elements/pipes';
import { Notifications } from '../platform/notifications';
import { injectList } from '../platform/list';
import { injectQuery } from '../platform/query';
import { Column, Filter, numberColumn, stateColumn, textColumn, timeColumn } from '../table/columns';
import { Table } from '../table/table';
import { ImportPanel } from './import-panel';
import { UploadPanel } from './upload-panel';
import { Uploads } from './uploads';

const POLL_INTERVAL_MS = 2000;
const PAGE_SIZE = 200;

const COLUMNS: Column<DatasetView>[] = [
  textColumn('name', 'Name', (dataset) => dataset.name, { link: (dataset) => ['/datasets', dataset.id] }),
  stateColumn((dataset) => dataset.state, (dataset) => dataset.report?.warnings),
  numberColumn('rows', 'Rows', (dataset) => dataset.rows, formatCount),
  textColumn('format', 'Format', (dataset) => dataset.report?.layout),
  numberColumn('versions', 'Versions', (dataset) => dataset.versions.length, formatCount),
  timeColumn('uploaded', 'Uploaded', (dataset) => dataset.updated_at),
];
const FILTERS: Filter<DatasetView>[] = [
  { name: 'state', all: 'All states', value: (dataset) => dataset.state, format: sentenceCase },
  { name: 'format', all: 'All formats', value: (dataset) => dataset.report?.layout ?? '' },
];

@Component({
  selector: 'an-datasets',
  imports: [BytesPipe, EmptyState, Icon, ImportPanel, MatButton, Table, UploadPanel],
  templateUrl: './datasets.html',
})
export class Datasets {
  private readonly api = inject(DatasetService);
  private readonly http = inject(HttpClient);
  private readonly uploads = inject(Uploads);
  private readonly notifications = inject(Notifications);
  private readonly bulkActions = inject(BulkActions);
  protected readonly columns = COLUMNS;
  protected readonly filters = FILTERS;
  protected readonly selectable = () => true;
  protected readonly searchedText = (dataset: DatasetView) => [dataset.name, dataset.id, dataset.version, dataset.report?.layout].join(' ');
  protected readonly datasets = injectList<DatasetView>(
    'datasets',
    (cursor) => this.api.listDatasets({ cursor, limit: PAGE_SIZE }),
    (page) => (page.items.some((dataset) => dataset.state === 'validating') ? POLL_INTERVAL_MS : null),
  );
  protected readonly samples = injectQuery(() => ({ key: 'samples', fetch: () => this.api.listSampleDatasets() }));

  constructor() {
    effect(() => {
      if (this.uploads.validatedCount()) untracked(() => this.datasets.refetch());
    });
  }

  protected async delete(datasets: DatasetView[]): Promise<void> {
    const text = 'All their versions are deleted. Models trained on them are kept but can no longer be evaluated on them.';
    this.datasets.remove(await this.bulkActions.delete(datasets, { noun: 'dataset', text, action: (id) => this.api.deleteDataset({ dataset_id: id }) }));
    this.datasets.refetch();
  }

  /** Uploads a bundled sample as if the user had selected its file. */
  protected async uploadSample(sample: Sample): Promise<void> {
    await this.notifications.run(async () => {
      const content = await firstValueFrom(this.http.get(sample.url, { responseType: 'blob' }));
      const heldout = sample.name.includes('heldout');
      const name = sample.name.replace(/\.[^.]+$/, '');
      this.uploads.start(new File([content], sample.name), { name, mapping: null, validation_share: 0.1, heldout });
    });
  }
}
