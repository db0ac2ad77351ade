/** Ask for an evaluation, and the history of all. */
import { Component, computed, effect, inject, input, signal, untracked } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Router, RouterLink } from '@angular/router';

import { EvaluationRequest } from '../api/models';
import { DatasetService, EvaluationService, ModelService } from '../api/services';
import { EXTENSIONS } from '../datasets/peek';
import { UploadLine } from '../datasets/upload-line';
import { Uploads } from '../datasets/uploads';
import { Empty } from '../elements/empty';
import { Icon } from '../elements/icon';
import { Meter } from '../elements/meter';
import { Moment } from '../elements/moment';
import { More } from '../elements/more';
import { FigurePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { State } from '../elements/state';
import { kept } from '../platform/kept';
import { load } from '../platform/load';
import { collect, pages } from '../platform/pages';
import { Problem, problemOf } from '../platform/problem';
import { label, METRICS } from './metrics';

const LOOK_MS = 1500;
const ENDED = ['succeeded', 'failed', 'cancelled'];
type Metric = NonNullable<EvaluationRequest['metrics']>[number];

@Component({
  selector: 'an-evaluations',
  imports: [Empty, FigurePipe, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, Meter, Moment, More, ProblemCard, RouterLink, Skeleton, State, UploadLine],
  templateUrl: './evaluations.html',
})
export class Evaluations {
  /** The custom model that the user came from. */
  readonly model = input<string>();
  private readonly api = inject(EvaluationService);
  private readonly models = inject(ModelService);
  private readonly datasets = inject(DatasetService);
  private readonly router = inject(Router);
  private readonly uploads = inject(Uploads);
  protected readonly accepted = EXTENSIONS.join(',');
  protected readonly metrics = METRICS;
  protected readonly label = label;
  protected readonly custom = load(() => ({ key: 'custom/all', fetch: () => collect((cursor) => this.models.listCustomModels({ limit: 200, cursor })) }));
  protected readonly datasetPage = load(() => {
    this.uploads.finished();
    return { key: 'datasets/all', fetch: () => collect((cursor) => this.datasets.listDatasets({ limit: 200, cursor })) };
  });
  protected readonly chosen = kept('evaluations.model', '');
  protected readonly wanted = kept<Metric[]>('evaluations.metrics', []);
  protected readonly dataset = kept('evaluations.dataset', '');
  protected readonly split = kept('evaluations.split', '');
  protected readonly rows = kept('evaluations.rows', 200);
  protected readonly compare = kept('evaluations.compare', true);
  private readonly uploaded = kept('evaluations.upload', 0);
  private readonly taken = kept('evaluations.taken', 0);
  protected readonly testSet = computed(() => this.uploads.all().find((upload) => upload.id === this.uploaded()));
  protected readonly sending = signal(false);
  protected readonly problem = signal<Problem | undefined>(undefined);
  protected readonly page = pages(
    () => ({ key: 'evaluations', fetch: (cursor) => this.api.listEvaluations({ cursor }) }),
    (page) => (page.items.some((run) => !ENDED.includes(run.state)) ? LOOK_MS : null),
  );
  protected readonly names = computed(() => new Map((this.custom.value()?.items ?? []).map((model) => [model.id, model.name])));
  protected readonly ready = computed(() => (this.datasetPage.value()?.items ?? []).filter((dataset) => dataset.state === 'ready'));

  constructor() {
    effect(() => {
      const [asked, first] = [this.model(), this.custom.value()?.items[0]?.id];
      untracked(() => this.chosen.set(asked ?? (this.chosen() || (first ?? ''))));
    });
    effect(() => {
      const upload = this.testSet();
      if (upload?.state !== 'ready' || !upload.dataset || untracked(this.taken) === upload.id) return;
      this.taken.set(upload.id); // once: another choice made later stays
      this.dataset.set(upload.dataset.id);
    });
  }

  /** A file whose rows are all held out; once it is checked, it is the dataset to evaluate on. */
  protected uploadTestSet(event: Event): void {
    const file = (event.target as HTMLInputElement).files?.[0];
    if (!file) return;
    const name = file.name.replace(/\.[^.]+$/, '');
    this.uploaded.set(this.uploads.start(file, { name, mapping: null, validation_share: 0, heldout: true }));
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
