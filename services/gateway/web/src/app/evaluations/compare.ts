/** Evaluations of the same rows beside each other: leaderboards with intervals, paired tests, and the rows that changed. */
import { Component, computed, inject, input } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { Router, RouterLink } from '@angular/router';

import { DatasetService, EvaluationService } from '../api/services';
import { EmptyState } from '../elements/empty-state';
import { Icon } from '../elements/icon';
import { CountPipe, MetricPipe, SentenceCasePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { WarningList } from '../elements/warning-list';
import { injectModelNames } from '../models/model-names';
import { injectQuery } from '../platform/query';
import { Remedies, withRemedy } from '../platform/remedies';
import { ChangedRows } from './changed-rows';
import { evaluationLabels } from './evaluation-labels';
import { metricLabel, withLabels } from './metrics';

const TEST_NAMES: Record<string, string> = { mcnemar: "McNemar's exact test", randomization: 'Approximate randomization' };
const REMEDIES: Remedies = { evaluation_not_finished: 'Wait until it has succeeded. This page then works.' };

@Component({
  selector: 'an-compare',
  imports: [ChangedRows, CountPipe, EmptyState, FormsModule, Icon, MatButton, MetricPipe, ProblemCard, RouterLink, SentenceCasePipe, Skeleton, WarningList],
  templateUrl: './compare.html',
  styleUrl: './compare.scss',
})
export class Compare {
  /** Ids of evaluations, separated by commas; the first is the baseline. The view is in the URL, so that it can be bookmarked. */
  readonly ids = input<string>();
  readonly metric = input<string>();
  readonly change = input<string>();
  readonly candidate = input<string>();
  readonly from = input<string>();
  private readonly api = inject(EvaluationService);
  private readonly datasets = inject(DatasetService);
  private readonly router = inject(Router);
  private readonly models = injectModelNames();
  protected readonly metricLabel = metricLabel;
  protected readonly evaluationIds = computed(() => (this.ids() ?? '').split(',').filter(Boolean));
  protected readonly comparison = injectQuery(() => {
    const ids = this.evaluationIds().join(',');
    if (this.evaluationIds().length < 2) return undefined;
    return { key: `compare/${ids}`, fetch: () => this.api.compareEvaluations$Json({ ids }) };
  });
  protected readonly dataset = injectQuery(() => {
    const id = this.comparison.value()?.dataset_id;
    return id ? { key: `dataset/${id}`, fetch: () => this.datasets.getDataset({ dataset_id: id }) } : undefined;
  });
  protected readonly problem = computed(() => {
    const problem = this.comparison.problem();
    if (!problem) return undefined;
    const shown = withRemedy(problem, REMEDIES);
    return { ...shown, detail: shown.detail.replaceAll(/evaluation_[0-9a-f]+/g, (id) => this.label(id)) };
  });
  protected readonly labels = computed(() => {
    const evaluations = this.comparison.value()?.evaluations ?? [];
    return evaluationLabels(evaluations, (id) => this.models.nameOf(id));
  });
  protected readonly candidates = computed(() => this.evaluationIds().slice(1));
  protected readonly metrics = computed(() => this.comparison.value()?.leaderboards.map((board) => board.metric) ?? []);

  protected label(evaluationId: string): string {
    return this.labels().get(evaluationId) ?? evaluationId;
  }

  /** The text with the names of models instead of their ids, and the labels of scores. */
  protected withNames(text: string): string {
    return withLabels(text, this.metrics()).replaceAll(/model_[\w-]+/g, (id) => this.models.nameOf(id));
  }

  protected testName(test: string): string {
    return TEST_NAMES[test] ?? test;
  }

  protected pValue(value: number): string {
    return value < 0.001 ? '< 0.001' : value.toLocaleString('en', { maximumFractionDigits: 3 });
  }

  protected downloadPath(format: string): string {
    return `/evaluations/compare?${new URLSearchParams({ ids: this.evaluationIds().join(','), format })}`;
  }

  protected setBaseline(id: string): void {
    const ids = [id, ...this.evaluationIds().filter((other) => other !== id)].join(',');
    void this.router.navigate([], { queryParams: { ids, candidate: null, from: null }, queryParamsHandling: 'merge', replaceUrl: true });
  }
}
