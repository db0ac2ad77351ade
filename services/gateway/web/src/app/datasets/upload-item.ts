/** One upload: its progress or result, with the actions to cancel, retry or dismiss it. */
import { Component, computed, inject, input } from '@angular/core';
import { MatButton, MatIconButton } from '@angular/material/button';
import { RouterLink } from '@angular/router';

import { Icon } from '../elements/icon';
import { BytesPipe, CountedPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { ProgressBar } from '../elements/progress-bar';
import { Upload, Uploads } from './uploads';

@Component({
  selector: 'an-upload-item',
  imports: [BytesPipe, CountedPipe, Icon, MatButton, MatIconButton, ProblemCard, ProgressBar, RouterLink],
  templateUrl: './upload-item.html',
  styles: `
    .upload { display: grid; gap: 0.6rem; }
    .rejected { margin: 0.3rem 0; padding-left: 1.1rem; max-height: 14rem; overflow: auto; }
  `,
})
export class UploadItem {
  readonly upload = input.required<Upload>();
  protected readonly uploads = inject(Uploads);
  /** The dataset whose page shows why the upload was rejected. */
  protected readonly rejectedId = computed(() => this.upload().dataset?.id ?? this.upload().problem?.dataset_id);
}
