/** What the platform reads of a file before its upload: raw rows, encoding, delimiter, format, and the mapping of its columns. */
import { HttpClient } from '@angular/common/http';
import { Component, computed, effect, inject, input, model, signal, untracked } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { firstValueFrom } from 'rxjs';

import { Options, UploadPreview as Preview } from '../api/models';
import { DatasetService } from '../api/services';
import { Icon } from '../elements/icon';
import { CountPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { injectQuery } from '../platform/query';
import { partToPreview } from './file-preview';
import { Layout, LAYOUTS } from './layouts.generated';
import { RowTurns } from './row-turns';

export type Encoding = NonNullable<Options['encoding']>;

const MAX_CELL_CHARACTERS = 240;
const ENCODINGS: Encoding[] = ['utf-8', 'utf-16', 'windows-1252', 'iso-8859-15', 'mac-roman', 'windows-1250', 'windows-1251', 'shift_jis', 'euc-kr', 'gb18030'];
const DELIMITERS: Record<string, string> = { ',': 'comma', ';': 'semicolon', '\t': 'tab', '|': 'vertical bar' };
/** The layout that is suggested where none is detected. */
const DEFAULT_LAYOUT = 'prompt/completion';

@Component({
  selector: 'an-upload-preview',
  imports: [CountPipe, FormsModule, Icon, MatFormFieldModule, MatInput, ProblemCard, RowTurns, Skeleton],
  templateUrl: './upload-preview.html',
  styles: `
    :host { display: grid; gap: 0.75rem; grid-template-columns: minmax(0, 1fr); }
    .segmented { justify-self: start; }
    .cell { max-width: 32rem; overflow-wrap: anywhere; font-size: 0.875rem; }
    .rows { list-style: none; margin: 0; padding: 0; display: grid; gap: 0.6rem; }
    .rows li { border-bottom: 1px solid var(--border); padding-bottom: 0.6rem; min-width: 0; }
    .table-frame, .rows { max-height: 26rem; overflow: auto; }
  `,
})
export class UploadPreview {
  readonly file = input.required<File>();
  /** The layout to map columns to; undefined: by the names of the columns. */
  readonly layout = model<Layout>();
  readonly mapping = model<Record<string, string>>({});
  /** The encoding that was chosen; undefined: the detected one. */
  readonly encoding = model<Encoding>();
  /** The encoding that the preview was read with. */
  readonly readAs = model<Encoding>();
  private readonly http = inject(HttpClient);
  protected readonly layouts = LAYOUTS;
  protected readonly encodings = ENCODINGS;
  protected readonly asRead = signal(false);
  protected readonly part = computed(() => partToPreview(this.file()));
  protected readonly preview = injectQuery<Preview>(() => {
    const part = this.part();
    if (!part) return undefined;
    const data = new FormData();
    if (this.layout()) data.set('mapping', JSON.stringify(this.mapping()));
    if (this.encoding()) data.set('encoding', this.encoding()!);
    data.set('detect_encoding', String(!this.encoding()));
    data.set('complete', String(part.complete));
    data.set('file', part.content, this.file().name);
    return { key: `upload-preview/${this.file().name}/${this.file().lastModified}`, fetch: () => firstValueFrom(this.http.post<Preview>(DatasetService.PreviewUploadPath, data)) };
  });
  protected readonly columns = computed(() => this.preview.value()?.columns ?? []);
  protected readonly mappingNeeded = computed(() => this.preview.value()?.problem?.code === 'layout_not_recognised');
  protected readonly delimiterName = computed(() => {
    const delimiter = this.preview.value()?.delimiter ?? '';
    return DELIMITERS[delimiter] ?? delimiter;
  });

  constructor() {
    effect(() => {
      this.readAs.set(this.preview.value()?.encoding ?? undefined);
      const suggest = this.mappingNeeded() && this.columns().length;
      untracked(() => {
        if (suggest && !this.layout()) this.selectLayout(LAYOUTS.find((layout) => layout.name === DEFAULT_LAYOUT));
      });
    });
  }

  protected selectLayout(layout: Layout | undefined): void {
    const suggestions = this.preview.value()?.suggestions ?? [];
    this.mapping.set(suggestions.find((suggestion) => suggestion.layout === layout?.name)?.mapping ?? {});
    this.layout.set(layout);
  }

  protected mapField(field: string, column: string): void {
    this.mapping.update(({ [field]: _, ...others }) => (column ? { ...others, [field]: column } : others));
  }

  protected isObject(value: unknown): boolean {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  }

  protected cellText(value: unknown): string {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (text === undefined) return '';
    return text.length > MAX_CELL_CHARACTERS ? `${text.slice(0, MAX_CELL_CHARACTERS)}…` : text;
  }
}
