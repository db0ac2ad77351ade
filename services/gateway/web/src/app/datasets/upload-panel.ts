/** Selects a file, shows what the platform reads of it, and uploads it; lists current uploads. */
import { Component, computed, inject, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton, MatIconButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';

import { Icon } from '../elements/icon';
import { BytesPipe } from '../elements/pipes';
import { Notifications } from '../platform/notifications';
import { FILE_EXTENSIONS, fileExtension } from './file-preview';
import { isComplete } from './layouts';
import { Layout } from './layouts.generated';
import { UploadItem } from './upload-item';
import { Encoding, UploadPreview } from './upload-preview';
import { Uploads } from './uploads';

@Component({
  selector: 'an-upload-panel',
  imports: [BytesPipe, FormsModule, Icon, MatButton, MatFormFieldModule, MatIconButton, MatInput, UploadItem, UploadPreview],
  templateUrl: './upload-panel.html',
  styleUrl: './upload-panel.scss',
})
export class UploadPanel {
  protected readonly uploads = inject(Uploads);
  private readonly notifications = inject(Notifications);
  protected readonly accept = FILE_EXTENSIONS.join(',');
  protected readonly dragOver = signal(false);
  protected readonly file = signal<File | undefined>(undefined);
  protected readonly name = signal('');
  protected readonly validationPercent = signal(10);
  protected readonly heldout = signal(false);
  protected readonly layout = signal<Layout | undefined>(undefined);
  protected readonly mapping = signal<Record<string, string>>({});
  protected readonly encoding = signal<Encoding | undefined>(undefined);
  protected readonly readAs = signal<Encoding | undefined>(undefined);
  protected readonly canUpload = computed(() => {
    const layout = this.layout();
    return layout ? isComplete(layout, this.mapping()) : true;
  });

  protected onDrop(event: DragEvent): void {
    event.preventDefault();
    this.dragOver.set(false);
    this.selectFile(event.dataTransfer?.files[0]);
  }

  protected onFileSelected(event: Event): void {
    const input = event.target as HTMLInputElement;
    this.selectFile(input.files?.[0]);
    input.value = '';
  }

  private selectFile(file: File | undefined): void {
    if (!file) return;
    if (!FILE_EXTENSIONS.includes(fileExtension(file.name))) {
      this.notifications.showProblem({ status: 415, code: 'unsupported_format', title: '', detail: `${file.name} has an unsupported format.`, remedy: `Choose one of ${FILE_EXTENSIONS.join(', ')}.` });
      return;
    }
    this.name.set(file.name.replace(/\.[^.]+$/, ''));
    this.mapping.set({});
    this.layout.set(undefined);
    this.encoding.set(undefined);
    this.file.set(file);
  }

  protected upload(): void {
    const file = this.file();
    if (!file) return;
    this.uploads.start(file, {
      name: this.name().trim(),
      mapping: this.layout() ? this.mapping() : null,
      validation_share: this.validationPercent() / 100,
      heldout: this.heldout(),
      encoding: this.encoding() ?? this.readAs() ?? 'utf-8',
    });
    this.file.set(undefined);
  }
}
