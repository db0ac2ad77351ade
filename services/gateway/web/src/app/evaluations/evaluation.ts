/** One evaluation: the fine-tuned model's scores next to the base model's, and every prediction next to its reference. */
import { Component, computed, inject, input, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { Router, RouterLink } from '@angular/router';

import { EvaluationService } from '../api/services';
import { Icon } from '../elements/icon';
import { CountPipe, DurationPipe, MetricPipe } from '../elements/pipes';
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
import { Answer } from './answer';
import { compareScores, metricLabel } from './metrics';
import { promptText } from './prompt';

const POLL_INTERVAL_MS = 1000;
const PAGE_SIZE = 20;

@Component({
  selector: 'an-evaluation',
  imports: [Answer, CountPipe, DurationPipe, FormsModule, Icon, MatButton, MetricPipe, ProblemCard, ProgressBar, RelativeTime, RouterLink, Skeleton, StateBadge, WarningList],
  templateUrl: './evaluation.html',
  styleUrl: './evaluation.scss',
})
export class EvaluationPage {
  readonly id = input.required<string>();
  private readonly api = inject(EvaluationService);
  protected readonly models = injectModelNames();
  private readonly notifications = inject(Notifications);
  private readonly router = inject(Router);
  protected readonly metricLabel = metricLabel;
  protected readonly evaluation = injectQuery(
    () => ({ key: `evaluation/${this.id()}`, fetch: () => this.api.showEvaluation({ id: this.id() }) }),
    (evaluation) => (isFinal(evaluation.state) ? null : POLL_INTERVAL_MS),
  );
  /** An import may be of a base model. */
  protected readonly scoredModel = computed(() => (this.evaluation.value()?.imported ? 'Model' : 'Fine-tuned model'));
  protected readonly ended = computed(() => isFinal(this.evaluation.value()?.state ?? ''));
  protected readonly scores = computed(() => {
    const evaluation = this.evaluation.value();
    return Object.entries(evaluation?.scores ?? {}).map(([name, tuned]) => {
      const base = evaluation?.base_scores[name];
      const [interval, baseInterval] = [evaluation?.intervals?.[name], evaluation?.base_intervals?.[name]];
      return { name, tuned, base, interval, baseInterval, comparison: base === undefined ? undefined : compareScores(name, tuned, base) };
    });
  });
  /** Sort order and offset are query parameters, so that a view can be bookmarked and survives navigation. */
  readonly order = input<string>();
  readonly from = input<string>();
  protected readonly sort = computed(() => this.order() ?? 'row');
  protected readonly offset = computed(() => Number(this.from() ?? 0) || 0);
  protected readonly pageSize = PAGE_SIZE;
  protected readonly showDiff = signal(true);
  protected readonly page = injectQuery(() => {
    if (this.evaluation.value()?.state !== 'succeeded') return undefined;
    const params = { id: this.id(), offset: this.offset(), limit: PAGE_SIZE, sort: this.sort() };
    return { key: `predictions/${JSON.stringify(params)}`, fetch: () => this.api.listPredictions(params) };
  });
  protected readonly scoreNames = computed(() => Object.keys(this.page.value()?.items[0]?.scores ?? {}));
  protected readonly predictions = computed(() =>
    (this.page.value()?.items ?? []).map((prediction) => ({
      prediction,
      prompt: promptText(prediction.prompt),
    })),
  );

  protected showPage(order: string, from: number): void {
    void this.router.navigate([], { queryParams: { order: order === 'row' ? null : order, from: from || null }, replaceUrl: true, scroll: 'manual' });
  }

  protected async cancel(): Promise<void> {
    await this.notifications.run(() => this.api.cancelEvaluation({ id: this.id() }), 'Cancelling the evaluation.');
    this.evaluation.refetch();
  }
}
