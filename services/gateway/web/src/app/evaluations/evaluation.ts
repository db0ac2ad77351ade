/** One evaluation: the fine-tuned model's scores next to the base model's, and every prediction next to its reference. */
import { Component, computed, inject, input, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { Router, RouterLink } from '@angular/router';

import { EvaluationView } from '../api/models';
import { EvaluationService } from '../api/services';
import { BulkActions } from '../elements/bulk-actions';
import { formatCounted } from '../elements/format';
import { Icon } from '../elements/icon';
import { CountPipe, CountedPipe, DurationPipe, MetricPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { ProgressBar } from '../elements/progress-bar';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { WarningList } from '../elements/warning-list';
import { injectModelNames } from '../models/model-names';
import { Notifications } from '../platform/notifications';
import { injectQuery } from '../platform/query';
import { isFinal } from '../platform/run-state';
import { injectPageTitle } from '../shell/page-title';
import { Answer } from './answer';
import { DELETION } from './evaluation-columns';
import { failuresFirst, metricLabel, orderScores, withLabels } from './metrics';
import { promptText } from './prompt';
import { ScoreRow, ScoreTable } from './score-table';

const POLL_INTERVAL_MS = 1000;
const PAGE_SIZE = 20;
/** Scores that a single row does not have. */
const WHOLE_SCORES = ['macro_f1'];
const KINDS = [
  { name: 'regressed', label: 'Regressed' },
  { name: 'improved', label: 'Improved' },
  { name: 'empty', label: 'Empty' },
  { name: 'invalid', label: 'Invalid' },
] as const;

@Component({
  selector: 'an-evaluation',
  imports: [Answer, CountPipe, CountedPipe, DurationPipe, FormsModule, Icon, MatButton, MetricPipe, ProblemCard, ProgressBar, RelativeTime, RouterLink, ScoreTable, Skeleton, StateBadge, WarningList],
  templateUrl: './evaluation.html',
  styleUrl: './evaluation.scss',
})
export class EvaluationPage {
  readonly id = input.required<string>();
  private readonly api = inject(EvaluationService);
  protected readonly models = injectModelNames();
  private readonly bulkActions = inject(BulkActions);
  private readonly notifications = inject(Notifications);
  private readonly router = inject(Router);
  protected readonly metricLabel = metricLabel;
  protected readonly withLabels = withLabels;
  protected readonly evaluation = injectQuery(
    () => ({ key: `evaluation/${this.id()}`, fetch: () => this.api.showEvaluation({ id: this.id() }) }),
    (evaluation) => (isFinal(evaluation.state) ? null : POLL_INTERVAL_MS),
  );
  /** An import may be of a base model. */
  protected readonly scoredModel = computed(() => (this.evaluation.value()?.imported ? 'Model' : 'Fine-tuned model'));
  protected readonly ended = computed(() => isFinal(this.evaluation.value()?.state ?? ''));
  protected readonly names = computed(() => orderScores(Object.keys(this.evaluation.value()?.scores ?? {})));
  protected readonly scores = computed((): ScoreRow[] => {
    const evaluation = this.evaluation.value();
    return evaluation ? this.names().map((metric) => ({ label: metricLabel(metric) + (evaluation.lower_is_better.includes(metric) ? ', lower is better' : ''), note: evaluation.signatures[metric], metric, scored: evaluation })) : [];
  });
  protected readonly slices = computed((): ScoreRow[] => {
    const metric = this.metric();
    const slices = (this.evaluation.value()?.slices ?? []).filter((slice) => slice.scores[metric] !== undefined);
    return slices.map((slice) => ({ label: slice.value, note: formatCounted(slice.rows, 'row'), metric, scored: slice }));
  });
  /** Other evaluations of the same rows, to compare this one with. */
  private readonly others = injectQuery(() => {
    const evaluation = this.evaluation.value();
    return evaluation?.state === 'succeeded' ? { key: 'evaluations/newest', fetch: () => this.api.listEvaluations({ limit: 200 }) } : undefined;
  });
  protected readonly comparable = computed(() => {
    const evaluation = this.evaluation.value();
    return (this.others.value()?.items ?? []).filter((other) => evaluation && other.id !== evaluation.id && other.state === 'succeeded' && isSameData(other, evaluation));
  });
  /** The view of the rows is in the query parameters, so that it can be bookmarked and survives navigation. */
  readonly order = input<string>();
  readonly from = input<string>();
  readonly kind = input<string>();
  readonly by = input<string>();
  protected readonly kinds = KINDS;
  /** The score by which rows regressed or improved, and slices are compared. */
  protected readonly metric = computed(() => this.scoreNames().find((name) => name === this.by()) ?? this.scoreNames()[0] ?? '');
  protected readonly shownKind = computed(() => KINDS.find(({ name }) => name === this.kind())?.name ?? '');
  protected readonly sort = computed(() => this.order() ?? (this.metric() ? failuresFirst(this.metric(), this.evaluation.value()?.lower_is_better) : 'row'));
  protected readonly offset = computed(() => Number(this.from() ?? 0) || 0);
  protected readonly pageSize = PAGE_SIZE;
  protected readonly showDiff = signal(true);
  protected readonly page = injectQuery(() => {
    if (this.evaluation.value()?.state !== 'succeeded') return undefined;
    const params = { id: this.id(), offset: this.offset(), limit: PAGE_SIZE, sort: this.sort(), kind: this.shownKind() || undefined, metric: this.metric() || undefined };
    return { key: `predictions/${JSON.stringify(params)}`, fetch: () => this.api.listPredictions(params) };
  });
  /** The scores that rows have: not those of the whole, such as macro F1. */
  protected readonly scoreNames = computed(() => this.names().filter((name) => !WHOLE_SCORES.includes(name)));
  protected readonly predictions = computed(() =>
    (this.page.value()?.items ?? []).map((prediction) => ({
      prediction,
      prompt: promptText(prediction.prompt),
    })),
  );

  constructor() {
    injectPageTitle(() => {
      const evaluation = this.evaluation.value();
      const progress = this.ended() ? null : evaluation?.progress;
      return evaluation && `${progress?.total ? `${Math.floor((100 * progress.done) / progress.total)} % · ` : ''}Evaluation of ${this.models.nameOf(evaluation.model_id)}`;
    });
  }

  /** Changes the view of the rows, and begins at its first page. */
  protected show(changes: Record<string, string | number | null>): void {
    void this.router.navigate([], { queryParams: { from: null, ...changes }, queryParamsHandling: 'merge', replaceUrl: true, scroll: 'manual' });
  }

  protected compareWith(id: string): void {
    if (id) void this.router.navigate(['/evaluations/compare'], { queryParams: { ids: `${id},${this.id()}` } });
  }

  protected async cancel(): Promise<void> {
    await this.notifications.run(() => this.api.cancelEvaluation({ id: this.id() }), 'Cancelling the evaluation.');
    this.evaluation.refetch();
  }

  protected async delete(evaluation: EvaluationView): Promise<void> {
    const named = [{ id: evaluation.id, name: `the evaluation of ${this.models.nameOf(evaluation.model_id)}` }];
    const deleted = await this.bulkActions.delete(named, { ...DELETION, action: (id) => this.api.deleteEvaluation({ id }) });
    if (deleted.length) await this.router.navigate(['/evaluations']);
  }
}

/** Whether both scored the same rows of a dataset version. */
function isSameData(one: EvaluationView, other: EvaluationView): boolean {
  return one.dataset_version === other.dataset_version && one.imported?.task === other.imported?.task && one.split === other.split && one.rows === other.rows;
}
