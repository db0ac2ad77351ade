/** One evaluation: the scores of the model beside its base's, and every answer beside its reference. */
import { Component, computed, inject, input, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { Router, RouterLink } from '@angular/router';

import { Prediction } from '../api/models';
import { EvaluationService, ModelService } from '../api/services';
import { Meter } from '../elements/meter';
import { Moment } from '../elements/moment';
import { CountPipe, DurationPipe, FigurePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { State } from '../elements/state';
import { load } from '../platform/load';
import { Notices } from '../platform/notices';
import { label, verdict } from './metrics';
import { wordDifference } from './word-difference';

const LOOK_MS = 1000;
const ENDED = ['succeeded', 'failed', 'cancelled'];
const ROWS = 20;

@Component({
  selector: 'an-evaluation',
  imports: [CountPipe, DurationPipe, FigurePipe, FormsModule, MatButton, Meter, Moment, ProblemCard, RouterLink, Skeleton, State],
  templateUrl: './evaluation.html',
  styleUrl: './evaluation.scss',
})
export class EvaluationPage {
  readonly id = input.required<string>();
  private readonly api = inject(EvaluationService);
  private readonly models = inject(ModelService);
  private readonly notices = inject(Notices);
  private readonly router = inject(Router);
  protected readonly label = label;
  protected readonly run = load(
    () => ({ key: `evaluation/${this.id()}`, fetch: () => this.api.showEvaluation({ id: this.id() }) }),
    (run) => (ENDED.includes(run.state) ? null : LOOK_MS),
  );
  protected readonly model = load(() => {
    const id = this.run.value()?.model_id;
    return id ? { key: `model/${id}`, fetch: () => this.models.getCustomModel({ id }) } : undefined;
  });
  protected readonly ended = computed(() => ENDED.includes(this.run.value()?.state ?? ''));
  protected readonly scores = computed(() => {
    const run = this.run.value();
    return Object.entries(run?.scores ?? {}).map(([name, tuned]) => {
      const base = run?.base_scores[name];
      return { name, tuned, base, verdict: base === undefined ? undefined : verdict(name, tuned, base) };
    });
  });
  /** Order and place of the rows, in the address: a view can be linked to, and is there on the way back. */
  readonly order = input<string>();
  readonly from = input<string>();
  protected readonly sort = computed(() => this.order() ?? 'row');
  protected readonly offset = computed(() => Number(this.from() ?? 0) || 0);
  protected readonly step = ROWS;
  protected readonly marks = signal(true);
  protected readonly page = load(() => {
    if (this.run.value()?.state !== 'succeeded') return undefined;
    const asked = { id: this.id(), offset: this.offset(), limit: ROWS, sort: this.sort() };
    return { key: `predictions/${JSON.stringify(asked)}`, fetch: () => this.api.listPredictions(asked) };
  });
  protected readonly sortable = computed(() => Object.keys(this.page.value()?.items[0]?.scores ?? {}));
  protected readonly rows = computed(() => (this.page.value()?.items ?? []).map((row) => ({ row, prompt: promptOf(row), tuned: this.pieces(row, row.tuned), base: this.pieces(row, row.base) })));

  protected show(order: string, from: number): void {
    void this.router.navigate([], { queryParams: { order: order === 'row' ? null : order, from: from || null }, replaceUrl: true, scroll: 'manual' });
  }

  protected async cancel(): Promise<void> {
    await this.notices.attempt(() => this.api.cancelEvaluation({ id: this.id() }), 'The evaluation is being cancelled.');
    this.run.reload();
  }

  private pieces(row: Prediction, answer: string | null) {
    return answer === null ? undefined : wordDifference(row.reference, answer);
  }
}

function promptOf(row: Prediction): string {
  return row.prompt.map((turn) => String(turn['content'] ?? '')).join('\n');
}
