/** Exports models as files that are verified against the fine-tuned model and downloaded with resume. */
import { Component, computed, effect, inject, input, signal, untracked } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { RouterLink } from '@angular/router';

import { ExportView } from '../api/models';
import { ExportService, ModelService } from '../api/services';
import { CodeBlock } from '../elements/code-block';
import { Confirm } from '../elements/confirm';
import { EmptyState } from '../elements/empty-state';
import { formatMetric, sentenceCase } from '../elements/format';
import { Icon } from '../elements/icon';
import { LoadMore } from '../elements/load-more';
import { BytesPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { ProgressBar } from '../elements/progress-bar';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { Notifications } from '../platform/notifications';
import { fetchAllPages, injectPagedQuery, withoutItem } from '../platform/paged-query';
import { Problem, toProblem } from '../platform/problem';
import { injectQuery } from '../platform/query';
import { isFinal } from '../platform/run-state';
import { viewState } from '../platform/view-state';
import { Format, FORMATS, usageSnippet } from './formats';

const POLL_INTERVAL_MS = 1000;

@Component({
  selector: 'an-exports',
  imports: [BytesPipe, CodeBlock, EmptyState, FormsModule, Icon, LoadMore, MatButton, MatFormFieldModule, MatInput, ProblemCard, ProgressBar, RelativeTime, RouterLink, Skeleton, StateBadge],
  templateUrl: './exports.html',
  styleUrl: './exports.scss',
})
export class Exports {
  /** The model to preselect, from the query parameter. */
  readonly model = input<string>();
  private readonly api = inject(ExportService);
  private readonly models = inject(ModelService);
  private readonly confirm = inject(Confirm);
  private readonly notifications = inject(Notifications);
  protected readonly formats = FORMATS;
  protected readonly usageSnippet = usageSnippet;
  protected readonly customModels = injectQuery(() => ({ key: 'custom/all', fetch: () => fetchAllPages((cursor) => this.models.listCustomModels({ limit: 200, cursor })) }));
  protected readonly exports = injectPagedQuery(
    () => ({ key: 'exports', fetch: (cursor) => this.api.listExports({ cursor }) }),
    (page) => (page.items.every((run) => isFinal(run.state)) ? null : POLL_INTERVAL_MS),
  );
  protected readonly modelNames = computed(() => new Map((this.customModels.value()?.items ?? []).map((model) => [model.id, model.name])));
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
      await this.api.startExport({ id: modelId, body: { format } });
      this.exports.refetch();
    } catch (failure) {
      this.problem.set(toProblem(failure));
    }
  }

  protected async cancel(run: ExportView): Promise<void> {
    await this.notifications.run(() => this.api.cancelExport({ id: run.id }), 'Cancelling the export.');
    this.exports.refetch();
  }

  protected async delete(run: ExportView): Promise<void> {
    const confirmed = await this.confirm.open({ heading: 'Delete this export?', text: 'Its files are deleted. You can export again as long as the model exists.', confirmLabel: 'Delete export' });
    if (confirmed) await this.notifications.run(() => this.exports.updateOptimistically(withoutItem(run.id), () => this.api.deleteExport({ id: run.id })), 'Export deleted.');
  }

  protected archivePath(run: ExportView): string {
    return `/models/custom/${run.model_id}/export?format=${run.format}`;
  }

  protected filePath(run: ExportView, name: string): string {
    return `/exports/${run.id}/files/${name.split('/').map(encodeURIComponent).join('/')}`;
  }

  /** The results of comparing the export with the fine-tuned model. */
  protected verification(run: ExportView): [string, string][] {
    return Object.entries(run.check).map(([name, value]) => [sentenceCase(name), typeof value === 'number' ? formatMetric(value) : String(value)]);
  }
}
