/** Drop a file, look at its first rows, map its columns if need be, upload; and the uploads under way. */
import { Component, computed, inject, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton, MatIconButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';

import { Icon } from '../elements/icon';
import { SizePipe } from '../elements/pipes';
import { Notices } from '../platform/notices';
import { columnsOf, complete, Layout, layoutOf, LAYOUTS, mapped, suggest } from './layouts';
import { EXTENSIONS, extensionOf, Peek, peek } from './peek';
import { UploadLine } from './upload-line';
import { Uploads } from './uploads';

const EXAMPLES = 3;

@Component({
  selector: 'an-upload-panel',
  imports: [FormsModule, Icon, MatButton, MatFormFieldModule, MatIconButton, MatInput, SizePipe, UploadLine],
  templateUrl: './upload-panel.html',
  styleUrl: './upload-panel.scss',
})
export class UploadPanel {
  protected readonly uploads = inject(Uploads);
  private readonly notices = inject(Notices);
  protected readonly layouts = LAYOUTS;
  protected readonly accepted = EXTENSIONS.join(',');
  protected readonly over = signal(false);
  protected readonly file = signal<File | undefined>(undefined);
  protected readonly seen = signal<Peek | undefined>(undefined);
  protected readonly name = signal('');
  protected readonly share = signal(10);
  protected readonly heldout = signal(false);
  protected readonly target = signal<Layout | undefined>(undefined);
  protected readonly mapping = signal<Record<string, string>>({});

  protected readonly columns = computed(() => columnsOf(this.seen()?.rows ?? []));
  protected readonly recognised = computed(() => layoutOf(this.columns()));
  protected readonly preview = computed(() => {
    const rows = (this.seen()?.rows ?? []).slice(0, EXAMPLES);
    return this.target() ? mapped(rows, this.mapping()) : rows;
  });
  protected readonly previewColumns = computed(() => columnsOf(this.preview()));
  protected readonly startable = computed(() => {
    const target = this.target();
    return target ? complete(target, this.mapping()) : true;
  });

  protected drop(event: DragEvent): void {
    event.preventDefault();
    this.over.set(false);
    void this.choose(event.dataTransfer?.files[0]);
  }

  protected picked(event: Event): void {
    const input = event.target as HTMLInputElement;
    void this.choose(input.files?.[0]);
    input.value = '';
  }

  protected async choose(file: File | undefined): Promise<void> {
    if (!file) return;
    if (!EXTENSIONS.includes(extensionOf(file.name))) {
      this.notices.problem({ status: 415, code: 'unsupported_format', title: '', detail: `${file.name} cannot be read.`, remedy: `Choose one of ${EXTENSIONS.join(', ')}.` });
      return;
    }
    this.seen.set(await peek(file));
    this.name.set(file.name.replace(/\.[^.]+$/, ''));
    this.mapping.set({});
    this.target.set(undefined);
    this.file.set(file);
    if (this.columns().length && !this.recognised()) this.mapTo(LAYOUTS.find((layout) => layout.name === 'prompt/completion'));
  }

  protected mapTo(layout: Layout | undefined): void {
    this.target.set(layout);
    this.mapping.set(layout ? suggest(layout, this.columns()) : {});
  }

  protected mapColumn(ours: string, theirs: string): void {
    this.mapping.update(({ [ours]: _, ...rest }) => (theirs ? { ...rest, [ours]: theirs } : rest));
  }

  protected start(): void {
    const file = this.file();
    if (!file) return;
    this.uploads.start(file, {
      name: this.name().trim(),
      mapping: this.target() ? this.mapping() : null,
      validation_share: this.share() / 100,
      heldout: this.heldout(),
    });
    this.file.set(undefined);
  }

  protected shown(value: unknown): string {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return text === undefined ? '' : text.length > 240 ? `${text.slice(0, 240)}…` : text;
  }
}
