/** Exports models as files that are verified against the fine-tuned model and downloaded with resume. */
import { Component, computed, effect, inject, input, signal, untracked } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Router, RouterLink } from '@angular/router';

import { ExportView } from '../api/models';
import { ExportService, ModelService } from '../api/services';
import { BulkActions } from '../elements/bulk-actions';
import { CodeBlock } from '../elements/code-block';
import { EmptyState } from '../elements/empty-state';
import { formatBytes, formatMetric, sentenceCase } from '../elements/format';
import { Icon } from '../elements/icon';
import { BytesPipe, CountedPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { ProgressBar } from '../elements/progress-bar';
import { RelativeTime } from '../elements/relative-time';
import { StateBadge } from '../elements/state-badge';
import { valueText } from '../jobs/setting-text';
import { injectList } from '../platform/list';
import { Notifications } from '../platform/notifications';
import { fetchAllPages } from '../platform/paged-query';
import { Problem, toProblem } from '../platform/problem';
import { injectQuery } from '../platform/query';
import { isFinal } from '../platform/run-state';
import { viewState } from '../platform/view-state';
import { Column, Filter, numberColumn, stateColumn, textColumn, timeColumn } from '../table/columns';
import { Table } from '../table/table';
import { Format, FORMATS, usageSnippet } from './formats';

const POLL_INTERVAL_MS = 1000;
const PAGE_SIZE = 200;

const FILTERS: Filter<ExportView>[] = [
  { name: 'state', all: 'All states', value: (run) => run.state, format: sentenceCase },
  { name: 'format', all: 'All formats', value: (run) => run.format, format: formatLabel },
];

@Component({
  selector: 'an-exports',
  imports: [BytesPipe, CodeBlock, CountedPipe, EmptyState, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, ProblemCard, ProgressBar, RelativeTime, RouterLink, StateBadge, Table],
  templateUrl: './exports.html',
  styleUrl: './exports.scss',
})
export class Exports {
  /** The model to preselect, from the query parameter. */
  readonly model = input<string>();
  /** The export to show. */
  readonly id = input<string>();
  private readonly api = inject(ExportService);
  private readonly models = inject(ModelService);
  private readonly router = inject(Router);
  private readonly bulkActions = inject(BulkActions);
  private readonly notifications = inject(Notifications);
  protected readonly formats = FORMATS;
  protected readonly usageSnippet = usageSnippet;
  protected readonly customModels = injectQuery(() => ({ key: 'custom/all', fetch: () => fetchAllPages((cursor) => this.models.listCustomModels({ limit: 200, cursor })) }));
  protected readonly exports = injectList<ExportView>(
    'exports',
    (cursor) => this.api.listExports({ cursor, limit: PAGE_SIZE }),
    (page) => (page.items.every((run) => isFinal(run.state)) ? null : POLL_INTERVAL_MS),
  );
  /** The export whose files are shown: the newest without one in the address. */
  protected readonly run = computed(() => (this.exports.items() ?? []).find((run, index) => (this.id() ? run.id === this.id() : index === 0)));
  protected readonly modelNames = computed(() => new Map((this.customModels.value()?.items ?? []).map((model) => [model.id, model.name])));
  protected readonly nameOf = (run: ExportView) => this.modelNames().get(run.model_id) ?? run.model_id;
  protected readonly columns = computed((): Column<ExportView>[] => [
    { ...textColumn<ExportView>('model', 'Model', this.nameOf), kind: 'custom' },
    textColumn('format', 'Format', (run) => run.format, { format: formatLabel }),
    stateColumn((run) => run.state, (run) => run.warnings),
    textColumn('check', 'Check', (run) => run.verdict, { format: (verdict) => sentenceCase(verdict) || '–' }),
    numberColumn('size', 'Size', (run) => run.archive?.size, formatBytes),
    timeColumn('created', 'Created', (run) => run.created_at),
  ]);
  protected readonly filters = FILTERS;
  protected readonly searchedText = (run: ExportView) => [this.nameOf(run), run.model_id, run.id, run.format, run.state].join(' ');
  protected readonly selectable = (run: ExportView) => isFinal(run.state);
  protected readonly modelId = viewState('exports.model', '');
  protected readonly format = viewState<Format>('exports.format', 'torch');
  protected readonly problem = signal<Problem | undefined>(undefined);
  protected readonly isAdapter = computed(() => this.customModels.value()?.items.find((model) => model.id === this.modelId())?.kind === 'adapter');

  constructor() {
    effect(() => {
      const [requested, first] = [this.model(), this.customModels.value()?.items[0]?.id];
      untracked(() => this.modelId.set(requested ?? (this.modelId() || (first ?? ''))));
    });
  }

  protected async start(modelId: string, format: Format): Promise<void> {
    this.problem.set(undefined);
    try {
      const run = await this.api.startExport({ id: modelId, body: { format } });
      this.exports.refetch();
      await this.router.navigate([], { queryParams: { id: run.id }, queryParamsHandling: 'merge', replaceUrl: true, scroll: 'manual' });
    } catch (failure) {
      this.problem.set(toProblem(failure));
    }
  }

  protected async cancel(run: ExportView): Promise<void> {
    await this.notifications.run(() => this.api.cancelExport({ id: run.id }), 'Cancelling the export.');
    this.exports.refetch();
  }

  protected async delete(runs: ExportView[]): Promise<void> {
    const named = runs.map((run) => ({ id: run.id, name: `${this.nameOf(run)} as ${formatLabel(run.format)}` }));
    const text = 'The files are deleted. You can export again as long as the model exists.';
    this.exports.remove(await this.bulkActions.delete(named, { noun: 'export', text, action: (id) => this.api.deleteExport({ id }) }));
    this.exports.refetch();
  }

  protected archivePath(run: ExportView): string {
    return `/models/custom/${run.model_id}/export?format=${run.format}`;
  }

  protected filePath(run: ExportView, name: string): string {
    return `/exports/${run.id}/files/${name.split('/').map(encodeURIComponent).join('/')}`;
  }

  /** The results of comparing the export with the fine-tuned model. */
  protected verification(run: ExportView): [string, string][] {
    return Object.entries(run.check).map(([name, value]) => [sentenceCase(name), typeof value === 'number' ? formatMetric(value) : valueText(value)]);
  }
}

function formatLabel(format: string): string {
  return FORMATS.find(({ name }) => name === format)?.label ?? format;
}
