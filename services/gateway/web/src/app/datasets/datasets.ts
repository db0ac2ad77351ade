/** All datasets, with the upload panel and the samples. */
import { HttpClient } from '@angular/common/http';
import { Component, inject } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { RouterLink } from '@angular/router';
import { firstValueFrom } from 'rxjs';

import { Sample } from '../api/models';
import { DatasetService } from '../api/services';
import { EmptyState } from '../elements/empty-state';
import { Icon } from '../elements/icon';
import { LoadMore } from '../elements/load-more';
import { BytesPipe, CountPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { Notifications } from '../platform/notifications';
import { injectPagedQuery } from '../platform/paged-query';
import { injectQuery } from '../platform/query';
import { ImportPanel } from './import-panel';
import { UploadPanel } from './upload-panel';
import { Uploads } from './uploads';

const POLL_INTERVAL_MS = 2000;

@Component({
  selector: 'an-datasets',
  imports: [BytesPipe, CountPipe, EmptyState, FormsModule, Icon, ImportPanel, LoadMore, MatButton, ProblemCard, RelativeTime, RouterLink, Skeleton, StateBadge, UploadPanel],
  templateUrl: './datasets.html',
})
export class Datasets {
  private readonly api = inject(DatasetService);
  private readonly http = inject(HttpClient);
  private readonly uploads = inject(Uploads);
  private readonly notifications = inject(Notifications);
  protected readonly datasets = injectPagedQuery(
    () => {
      this.uploads.validatedCount();
      return { key: 'datasets', fetch: (cursor) => this.api.listDatasets({ cursor }) };
    },
    (page) => (page.items.some((dataset) => dataset.state === 'validating') ? POLL_INTERVAL_MS : null),
  );
  protected readonly samples = injectQuery(() => ({ key: 'samples', fetch: () => this.api.listSampleDatasets() }));

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
