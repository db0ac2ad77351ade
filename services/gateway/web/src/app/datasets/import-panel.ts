/** Imports a dataset from the Hugging Face Hub, an S3 object store or a web address; shows the progress of imports. */
import { Component, computed, effect, inject, output, signal, untracked } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton, MatIconButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { RouterLink } from '@angular/router';

import { ImportView } from '../api/models';
import { DatasetService } from '../api/services';
import { Icon } from '../elements/icon';
import { BytesPipe, CountPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { ProgressBar } from '../elements/progress-bar';
import { Notifications } from '../platform/notifications';
import { Problem, toProblem } from '../platform/problem';
import { injectQuery } from '../platform/query';
import { EMPTY_IMPORT, ImportForm, isComplete, SOURCES, toImportRequest } from './import-form';

const POLL_INTERVAL_MS = 1000;
const SHOWN_IMPORTS = 20;

/** Whether the import downloads, or its rows are validated. */
function isActive(item: ImportView): boolean {
  return item.state === 'downloading' || item.state === 'validating';
}

@Component({
  selector: 'an-import-panel',
  imports: [BytesPipe, CountPipe, FormsModule, Icon, MatButton, MatFormFieldModule, MatIconButton, MatInput, ProblemCard, ProgressBar, RouterLink],
  templateUrl: './import-panel.html',
  styles: `
    :host { display: grid; gap: 0.75rem; grid-template-columns: minmax(0, 1fr); }
    form { margin-top: 0.6rem; }
    .segmented { justify-self: start; }
  `,
})
export class ImportPanel {
  /** Emits when an import has become a dataset, or its validation has ended. */
  readonly changed = output<void>();
  private readonly api = inject(DatasetService);
  private readonly notifications = inject(Notifications);
  protected readonly sources = SOURCES;
  protected readonly isActive = isActive;
  protected readonly form = signal<ImportForm>(EMPTY_IMPORT);
  protected readonly source = computed(() => SOURCES.find((source) => source.name === this.form().source)!);
  protected readonly complete = computed(() => isComplete(this.form()));
  protected readonly submitting = signal(false);
  protected readonly problem = signal<Problem | undefined>(undefined);
  /** Ended imports are shown only if this page started them or saw them run. */
  private readonly shown = signal<ReadonlySet<string>>(new Set());
  private readonly imports = injectQuery(
    () => ({ key: 'imports', fetch: () => this.api.listImports({ limit: SHOWN_IMPORTS }) }),
    (page) => (page.items.some(isActive) ? POLL_INTERVAL_MS : null),
  );
  protected readonly items = computed(() => (this.imports.value()?.items ?? []).filter((item) => this.shown().has(item.id)));
  private readonly states = computed(() => this.items().map((item) => `${item.id} ${item.state}`).join());

  constructor() {
    effect(() => {
      const active = (this.imports.value()?.items ?? []).filter(isActive).map((item) => item.id);
      untracked(() => this.shown.update((shown) => (active.every((id) => shown.has(id)) ? shown : new Set([...shown, ...active]))));
    });
    effect(() => {
      if (this.states()) untracked(() => this.changed.emit());
    });
  }

  protected update(changes: Partial<ImportForm>): void {
    this.form.update((form) => ({ ...form, ...changes }));
  }

  protected async start(): Promise<void> {
    this.submitting.set(true);
    this.problem.set(undefined);
    try {
      const started = await this.api.importDataset({ body: toImportRequest(this.form()) });
      this.shown.update((shown) => new Set([...shown, started.id]));
      this.form.set({ ...EMPTY_IMPORT, source: this.form().source });
      this.imports.refetch();
    } catch (failure) {
      this.problem.set(toProblem(failure));
    } finally {
      this.submitting.set(false);
    }
  }

  protected async cancel(id: string): Promise<void> {
    await this.notifications.run(() => this.api.cancelImport({ import_id: id }), 'Import cancelled.');
    this.imports.refetch();
  }

  protected dismiss(id: string): void {
    this.shown.update((shown) => new Set([...shown].filter((other) => other !== id)));
  }

  protected failure(item: ImportView): Problem {
    const title = item.state === 'rejected' ? 'The dataset was rejected' : 'The import failed';
    return { status: 422, code: item.code ?? 'unknown', title, detail: item.detail ?? 'The source is not a valid dataset.' };
  }
}
