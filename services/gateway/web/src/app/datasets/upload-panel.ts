/** Selects a file, previews its first rows, maps its columns and uploads it; lists current uploads. */
import { Component, computed, inject, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton, MatIconButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';

import { Icon } from '../elements/icon';
import { BytesPipe } from '../elements/pipes';
import { Notifications } from '../platform/notifications';
import { FILE_EXTENSIONS, fileExtension, FilePreview, previewFile } from './file-preview';
import { applyMapping, columnsOf, detectLayout, isComplete, suggestMapping } from './layouts';
import { Layout, LAYOUTS } from './layouts.generated';
import { UploadItem } from './upload-item';
import { Uploads } from './uploads';

const PREVIEW_ROWS = 3;
const MAX_CELL_CHARACTERS = 240;

@Component({
  selector: 'an-upload-panel',
  imports: [BytesPipe, FormsModule, Icon, MatButton, MatFormFieldModule, MatIconButton, MatInput, UploadItem],
  templateUrl: './upload-panel.html',
  styleUrl: './upload-panel.scss',
})
export class UploadPanel {
  protected readonly uploads = inject(Uploads);
  private readonly notifications = inject(Notifications);
  protected readonly layouts = LAYOUTS;
  protected readonly accept = FILE_EXTENSIONS.join(',');
  protected readonly dragOver = signal(false);
  protected readonly file = signal<File | undefined>(undefined);
  protected readonly preview = signal<FilePreview | undefined>(undefined);
  protected readonly name = signal('');
  protected readonly validationPercent = signal(10);
  protected readonly heldout = signal(false);
  protected readonly targetLayout = signal<Layout | undefined>(undefined);
  protected readonly mapping = signal<Record<string, string>>({});

  protected readonly columns = computed(() => columnsOf(this.preview()?.rows ?? []));
  protected readonly detectedLayout = computed(() => detectLayout(this.columns()));
  protected readonly mappedRows = computed(() => {
    const rows = (this.preview()?.rows ?? []).slice(0, PREVIEW_ROWS);
    return this.targetLayout() ? applyMapping(rows, this.mapping()) : rows;
  });
  protected readonly mappedColumns = computed(() => columnsOf(this.mappedRows()));
  protected readonly canUpload = computed(() => {
    const layout = this.targetLayout();
    return layout ? isComplete(layout, this.mapping()) : true;
  });

  protected onDrop(event: DragEvent): void {
    event.preventDefault();
    this.dragOver.set(false);
    void this.selectFile(event.dataTransfer?.files[0]);
  }

  protected onFileSelected(event: Event): void {
    const input = event.target as HTMLInputElement;
    void this.selectFile(input.files?.[0]);
    input.value = '';
  }

  private async selectFile(file: File | undefined): Promise<void> {
    if (!file) return;
    if (!FILE_EXTENSIONS.includes(fileExtension(file.name))) {
      this.notifications.showProblem({ status: 415, code: 'unsupported_format', title: '', detail: `${file.name} has an unsupported format.`, remedy: `Choose one of ${FILE_EXTENSIONS.join(', ')}.` });
      return;
    }
    this.preview.set(await previewFile(file));
    this.name.set(file.name.replace(/\.[^.]+$/, ''));
    this.mapping.set({});
    this.targetLayout.set(undefined);
    this.file.set(file);
    if (this.columns().length && !this.detectedLayout()) this.selectLayout(LAYOUTS.find((layout) => layout.name === 'prompt/completion'));
  }

  protected selectLayout(layout: Layout | undefined): void {
    this.targetLayout.set(layout);
    this.mapping.set(layout ? suggestMapping(layout, this.columns()) : {});
  }

  protected mapField(field: string, column: string): void {
    this.mapping.update(({ [field]: _, ...others }) => (column ? { ...others, [field]: column } : others));
  }

  protected upload(): void {
    const file = this.file();
    if (!file) return;
    this.uploads.start(file, {
      name: this.name().trim(),
      mapping: this.targetLayout() ? this.mapping() : null,
      validation_share: this.validationPercent() / 100,
      heldout: this.heldout(),
    });
    this.file.set(undefined);
  }

  protected cellText(value: unknown): string {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (text === undefined) return '';
    return text.length > MAX_CELL_CHARACTERS ? `${text.slice(0, MAX_CELL_CHARACTERS)}…` : text;
  }
}
