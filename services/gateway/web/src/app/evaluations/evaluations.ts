/** Starts an evaluation and lists earlier ones. */
import { Component, computed, effect, inject, input, signal, untracked } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Router, RouterLink } from '@angular/router';

import { EvaluationRequest } from '../api/models';
import { DatasetService, EvaluationService, ModelService } from '../api/services';
import { FILE_EXTENSIONS } from '../datasets/file-preview';
import { UploadItem } from '../datasets/upload-item';
import { Uploads } from '../datasets/uploads';
import { EmptyState } from '../elements/empty-state';
import { Icon } from '../elements/icon';
import { LoadMore } from '../elements/load-more';
import { MetricPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { ProgressBar } from '../elements/progress-bar';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { fetchAllPages, injectPagedQuery } from '../platform/paged-query';
import { Problem, toProblem } from '../platform/problem';
import { injectQuery } from '../platform/query';
import { isFinal } from '../platform/run-state';
import { viewState } from '../platform/view-state';
import { metricLabel, METRICS } from './metrics';

const POLL_INTERVAL_MS = 1500;
const MAX_COMPARED = 10;
type MetricName = NonNullable<EvaluationRequest['metrics']>[number];

@Component({
  selector: 'an-evaluations',
  imports: [EmptyState, FormsModule, Icon, LoadMore, MatButton, MatFormFieldModule, MatInput, MetricPipe, ProblemCard, ProgressBar, RelativeTime, RouterLink, Skeleton, StateBadge, UploadItem],
  templateUrl: './evaluations.html',
  styleUrl: './evaluations.scss',
})
export class Evaluations {
  /** The model to preselect, from the query parameter. */
  readonly model = input<string>();
  private readonly api = inject(EvaluationService);
  private readonly models = inject(ModelService);
  private readonly datasetApi = inject(DatasetService);
  private readonly router = inject(Router);
  private readonly uploads = inject(Uploads);
  protected readonly accept = FILE_EXTENSIONS.join(',');
  protected readonly metrics = METRICS;
  protected readonly metricLabel = metricLabel;
  protected readonly entries = Object.entries<number>;
  protected readonly customModels = injectQuery(() => ({ key: 'custom/all', fetch: () => fetchAllPages((cursor) => this.models.listCustomModels({ limit: 200, cursor })) }));
  protected readonly datasets = injectQuery(() => {
    this.uploads.validatedCount();
    return { key: 'datasets/all', fetch: () => fetchAllPages((cursor) => this.datasetApi.listDatasets({ limit: 200, cursor })) };
  });
  protected readonly evaluations = injectPagedQuery(
    () => ({ key: 'evaluations', fetch: (cursor) => this.api.listEvaluations({ cursor }) }),
    (page) => (page.items.every((evaluation) => isFinal(evaluation.state)) ? null : POLL_INTERVAL_MS),
  );
  protected readonly modelId = viewState('evaluations.model', '');
  protected readonly selectedMetrics = viewState<MetricName[]>('evaluations.metrics', []);
  protected readonly dataset = viewState('evaluations.dataset', '');
  protected readonly split = viewState('evaluations.split', '');
  protected readonly maxRows = viewState('evaluations.rows', 200);
  protected readonly compareBase = viewState('evaluations.compare', true);
  private readonly uploadId = viewState('evaluations.upload', 0);
  private readonly selectedUploadId = viewState('evaluations.selectedUpload', 0);
  protected readonly testSet = computed(() => this.uploads.all().find((upload) => upload.id === this.uploadId()));
  /** The evaluations to compare, in the order of their selection. */
  protected readonly selectedIds = viewState<string[]>('evaluations.selected', []);
  protected readonly maxCompared = MAX_COMPARED;
  protected readonly selectionHint = computed(() => {
    const count = this.selectedIds().length;
    if (count < 2) return 'Select two or more to compare them';
    return count > MAX_COMPARED ? `${count} selected, of at most ${MAX_COMPARED}` : `${count} selected`;
  });
  protected readonly submitting = signal(false);
  protected readonly problem = signal<Problem | undefined>(undefined);
  protected readonly modelNames = computed(() => new Map((this.customModels.value()?.items ?? []).map((model) => [model.id, model.name])));
  protected readonly readyDatasets = computed(() => (this.datasets.value()?.items ?? []).filter((dataset) => dataset.state === 'ready'));

  constructor() {
    effect(() => {
      const [requested, first] = [this.model(), this.customModels.value()?.items[0]?.id];
      untracked(() => this.modelId.set(requested ?? (this.modelId() || (first ?? ''))));
    });
    effect(() => {
      const upload = this.testSet();
      if (upload?.state !== 'ready' || !upload.dataset || untracked(this.selectedUploadId) === upload.id) return;
      this.selectedUploadId.set(upload.id); // select it once, so that a later choice is kept
      this.dataset.set(upload.dataset.id);
    });
  }

  /** Uploads a file with all rows held out; it becomes the selected dataset once validated. */
  protected uploadTestSet(event: Event): void {
    const file = (event.target as HTMLInputElement).files?.[0];
    if (!file) return;
    const name = file.name.replace(/\.[^.]+$/, '');
    this.uploadId.set(this.uploads.start(file, { name, mapping: null, validation_share: 0, heldout: true }));
  }

  protected toggleMetric(metric: MetricName, selected: boolean): void {
    this.selectedMetrics.update((metrics) => [...metrics.filter((other) => other !== metric), ...(selected ? [metric] : [])]);
  }

  protected select(id: string, selected: boolean): void {
    this.selectedIds.update((ids) => [...ids.filter((other) => other !== id), ...(selected ? [id] : [])]);
  }

  protected compare(): void {
    void this.router.navigate(['/evaluations/compare'], { queryParams: { ids: this.selectedIds().join(',') } });
  }

  protected async start(): Promise<void> {
    const body: EvaluationRequest = {
      metrics: this.selectedMetrics().length ? this.selectedMetrics() : null,
      dataset: this.dataset() || null,
      split: this.split() || null,
      rows: this.maxRows() || 'all',
      compare_base: this.compareBase(),
    };
    this.submitting.set(true);
    this.problem.set(undefined);
    try {
      const evaluation = await this.api.evaluateModel({ id: this.modelId(), body });
      await this.router.navigate(['/evaluations', evaluation.id]);
    } catch (failure) {
      this.problem.set(toProblem(failure));
    } finally {
      this.submitting.set(false);
    }
  }
}
