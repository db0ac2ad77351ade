/** Ask for an evaluation, and the history of all. */
import { Component, computed, effect, inject, input, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Router, RouterLink } from '@angular/router';

import { EvaluationRequest } from '../api/models';
import { DatasetService, EvaluationService, ModelService } from '../api/services';
import { Empty } from '../elements/empty';
import { Icon } from '../elements/icon';
import { Meter } from '../elements/meter';
import { Moment } from '../elements/moment';
import { FigurePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { State } from '../elements/state';
import { load } from '../platform/load';
import { Problem, problemOf } from '../platform/problem';
import { label, METRICS } from './metrics';

const LOOK_MS = 1500;
const ENDED = ['succeeded', 'failed', 'cancelled'];
type Metric = NonNullable<EvaluationRequest['metrics']>[number];

@Component({
  selector: 'an-evaluations',
  imports: [Empty, FigurePipe, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, Meter, Moment, ProblemCard, RouterLink, Skeleton, State],
  templateUrl: './evaluations.html',
})
export class Evaluations {
  /** The custom model that the user came from. */
  readonly model = input<string>();
  private readonly api = inject(EvaluationService);
  private readonly models = inject(ModelService);
  private readonly datasets = inject(DatasetService);
  private readonly router = inject(Router);
  protected readonly metrics = METRICS;
  protected readonly label = label;
  protected readonly custom = load(() => ({ key: 'custom', fetch: () => this.models.listCustomModels({ limit: 200 }) }));
  protected readonly datasetPage = load(() => ({ key: 'datasets', fetch: () => this.datasets.listDatasets({ limit: 200 }) }));
  protected readonly chosen = signal('');
  protected readonly wanted = signal<Metric[]>([]);
  protected readonly dataset = signal('');
  protected readonly split = signal('');
  protected readonly rows = signal(200);
  protected readonly compare = signal(true);
  protected readonly sending = signal(false);
  protected readonly problem = signal<Problem | undefined>(undefined);
  protected readonly page = load(
    () => ({ key: 'evaluations', fetch: () => this.api.listEvaluations({ limit: 100 }) }),
    (page) => (page.items.some((run) => !ENDED.includes(run.state)) ? LOOK_MS : null),
  );
  protected readonly names = computed(() => new Map((this.custom.value()?.items ?? []).map((model) => [model.id, model.name])));
  protected readonly ready = computed(() => (this.datasetPage.value()?.items ?? []).filter((dataset) => dataset.state === 'ready'));

  constructor() {
    effect(() => {
      const from = this.model() ?? this.custom.value()?.items[0]?.id;
      if (from && !this.chosen()) this.chosen.set(from);
    });
  }

  protected want(metric: Metric, wanted: boolean): void {
    this.wanted.update((all) => [...all.filter((one) => one !== metric), ...(wanted ? [metric] : [])]);
  }

  protected async start(): Promise<void> {
    const body: EvaluationRequest = {
      metrics: this.wanted().length ? this.wanted() : null,
      dataset: this.dataset() || null,
      split: this.split() || null,
      rows: this.rows() || 'all',
      compare_base: this.compare(),
    };
    this.sending.set(true);
    this.problem.set(undefined);
    try {
      const run = await this.api.evaluateModel({ id: this.chosen(), body });
      await this.router.navigate(['/evaluations', run.id]);
    } catch (failure) {
      this.problem.set(problemOf(failure));
    } finally {
      this.sending.set(false);
    }
  }

  protected scored(scores: Record<string, number>): [string, number][] {
    return Object.entries(scores);
  }
}
