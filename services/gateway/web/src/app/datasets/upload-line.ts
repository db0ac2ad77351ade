/** One upload: how far it is, what came of it, what can be done about it. */
import { Component, inject, input } from '@angular/core';
import { MatButton, MatIconButton } from '@angular/material/button';
import { RouterLink } from '@angular/router';

import { Icon } from '../elements/icon';
import { Meter } from '../elements/meter';
import { SizePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Upload, Uploads } from './uploads';

@Component({
  selector: 'an-upload-line',
  imports: [Icon, MatButton, MatIconButton, Meter, ProblemCard, RouterLink, SizePipe],
  templateUrl: './upload-line.html',
  styles: `
    .upload { display: grid; gap: 0.6rem; }
    .rejected { margin: 0.3rem 0; padding-left: 1.1rem; max-height: 14rem; overflow: auto; }
  `,
})
export class UploadLine {
  readonly upload = input.required<Upload>();
  protected readonly uploads = inject(Uploads);
}
