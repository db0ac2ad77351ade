/** Starts an evaluation and lists earlier ones. */
import { Component, computed, effect, inject, input, signal, untracked } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Router, RouterLink } from '@angular/router';

import { EvaluationRequest, EvaluationView } from '../api/models';
import { DatasetService, EvaluationService, ModelService } from '../api/services';
import { FILE_EXTENSIONS } from '../datasets/file-preview';
import { UploadItem } from '../datasets/upload-item';
import { Uploads } from '../datasets/uploads';
import { BulkActions } from '../elements/bulk-actions';
import { EmptyState } from '../elements/empty-state';
import { Icon } from '../elements/icon';
import { MetricPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { ProgressBar } from '../elements/progress-bar';
import { injectList } from '../platform/list';
import { fetchAllPages } from '../platform/paged-query';
import { Problem, toProblem } from '../platform/problem';
import { injectQuery } from '../platform/query';
import { isFinal } from '../platform/run-state';
import { viewState } from '../platform/view-state';
import { Table } from '../table/table';
import { DELETION, evaluationColumns, FILTERS, scoreNames, searchedText } from './evaluation-columns';
import { metricLabel, METRICS, orderScores } from './metrics';

const POLL_INTERVAL_MS = 1500;
const MAX_COMPARED = 10;
const PAGE_SIZE = 200;
/** Every score is a further column. */
const DEFAULT_COLUMNS = ['model', 'state', 'data', 'split', 'rows', 'headline', 'created'];
type MetricName = NonNullable<EvaluationRequest['metrics']>[number];

@Component({
  selector: 'an-evaluations',
  imports: [EmptyState, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, MetricPipe, ProblemCard, ProgressBar, RouterLink, Table, UploadItem],
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
  private readonly bulkActions = inject(BulkActions);
  private readonly uploads = inject(Uploads);
  protected readonly accept = FILE_EXTENSIONS.join(',');
  protected readonly metrics = METRICS;
  protected readonly metricLabel = metricLabel;
  protected readonly customModels = injectQuery(() => ({ key: 'custom/all', fetch: () => fetchAllPages((cursor) => this.models.listCustomModels({ limit: 200, cursor })) }));
  protected readonly datasets = injectQuery(() => {
    this.uploads.validatedCount();
    return { key: 'datasets/all', fetch: () => fetchAllPages((cursor) => this.datasetApi.listDatasets({ limit: 200, cursor })) };
  });
  protected readonly evaluations = injectList<EvaluationView>(
    'evaluations',
    (cursor) => this.api.listEvaluations({ cursor, limit: PAGE_SIZE }),
    (page) => (page.items.every((evaluation) => isFinal(evaluation.state)) ? null : POLL_INTERVAL_MS),
  );
  private readonly datasetNames = computed(() => new Map((this.datasets.value()?.items ?? []).map((dataset) => [dataset.id, dataset.name])));
  protected readonly columns = computed(() => {
    const names = { model: this.modelNames(), dataset: this.datasetNames() };
    return evaluationColumns(names, scoreNames(this.evaluations.items() ?? []));
  });
  protected readonly searchedText = computed(() => searchedText({ model: this.modelNames(), dataset: this.datasetNames() }));
  protected readonly filters = FILTERS;
  protected readonly defaults = DEFAULT_COLUMNS;
  protected readonly selectable = (evaluation: EvaluationView) => isFinal(evaluation.state);
  protected readonly haveScores = (evaluations: EvaluationView[]) => evaluations.every((evaluation) => evaluation.state === 'succeeded');
  protected readonly mainScore = (evaluation: EvaluationView) => orderScores(Object.keys(evaluation.scores))[0];
  protected readonly maxCompared = MAX_COMPARED;
  protected readonly modelId = viewState('evaluations.model', '');
  protected readonly selectedMetrics = viewState<MetricName[]>('evaluations.metrics', []);
  protected readonly dataset = viewState('evaluations.dataset', '');
  protected readonly split = viewState('evaluations.split', '');
  protected readonly maxRows = viewState('evaluations.rows', 200);
  protected readonly compareBase = viewState('evaluations.compare', true);
  private readonly uploadId = viewState('evaluations.upload', 0);
  private readonly selectedUploadId = viewState('evaluations.selectedUpload', 0);
  protected readonly testSet = computed(() => this.uploads.all().find((upload) => upload.id === this.uploadId()));
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

  protected idsOf(evaluations: EvaluationView[]): string {
    return evaluations.map((evaluation) => evaluation.id).join();
  }

  protected async delete(evaluations: EvaluationView[]): Promise<void> {
    const named = evaluations.map(({ id, model_id }) => ({ id, name: `the evaluation of ${this.modelNames().get(model_id) ?? model_id}` }));
    this.evaluations.remove(await this.bulkActions.delete(named, { ...DELETION, action: (id) => this.api.deleteEvaluation({ id }) }));
    this.evaluations.refetch();
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
