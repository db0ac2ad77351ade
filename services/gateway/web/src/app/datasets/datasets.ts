/** All datasets, and the place to upload one. */
import { HttpClient } from '@angular/common/http';
import { Component, computed, inject } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { RouterLink } from '@angular/router';
import { firstValueFrom } from 'rxjs';

import { Sample } from '../api/models';
import { DatasetService } from '../api/services';
import { Empty } from '../elements/empty';
import { Icon } from '../elements/icon';
import { Moment } from '../elements/moment';
import { More } from '../elements/more';
import { CountPipe, SizePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { State } from '../elements/state';
import { load } from '../platform/load';
import { pages } from '../platform/pages';
import { Notices } from '../platform/notices';
import { UploadPanel } from './upload-panel';
import { Uploads } from './uploads';

const LOOK_MS = 2000;

@Component({
  selector: 'an-datasets',
  imports: [CountPipe, Empty, FormsModule, Icon, MatButton, Moment, More, ProblemCard, RouterLink, SizePipe, Skeleton, State, UploadPanel],
  templateUrl: './datasets.html',
})
export class Datasets {
  private readonly api = inject(DatasetService);
  private readonly http = inject(HttpClient);
  private readonly uploads = inject(Uploads);
  private readonly notices = inject(Notices);
  protected readonly page = pages(
    () => {
      this.uploads.finished();
      return { key: 'datasets', fetch: (cursor) => this.api.listDatasets({ cursor }) };
    },
    (page) => (page.items.some((dataset) => dataset.state === 'validating') ? LOOK_MS : null),
  );
  protected readonly samples = load(() => ({ key: 'samples', fetch: () => this.api.listSampleDatasets() }));
  protected readonly items = computed(() => this.page.value()?.items);

  /** Uploads a bundled sample as if the user had chosen its file. */
  protected async useSample(sample: Sample): Promise<void> {
    await this.notices.attempt(async () => {
      const content = await firstValueFrom(this.http.get(sample.url, { responseType: 'blob' }));
      const heldout = sample.name.includes('heldout');
      const name = sample.name.replace(/\.[^.]+$/, '');
      this.uploads.start(new File([content], sample.name), { name, mapping: null, validation_share: 0.1, heldout });
    });
  }
}
