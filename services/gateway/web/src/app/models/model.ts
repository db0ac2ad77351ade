/** One custom model: what it is, what led to it, what it is good at, and where it went. */
import { Component, computed, inject, input, linkedSignal, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Router, RouterLink } from '@angular/router';

import { DatasetService, EvaluationService, ExportService, InferenceService, ModelService, TrainingService } from '../api/services';
import { Confirm } from '../elements/confirm';
import { Copy } from '../elements/copy';
import { Icon } from '../elements/icon';
import { Moment } from '../elements/moment';
import { CountPipe, FigurePipe, ParametersPipe, SizePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { State } from '../elements/state';
import { load } from '../platform/load';
import { collect } from '../platform/pages';
import { Notices } from '../platform/notices';

const LOADING_MS = 1500;

@Component({
  selector: 'an-model',
  imports: [Copy, CountPipe, FigurePipe, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, Moment, ParametersPipe, ProblemCard, RouterLink, SizePipe, Skeleton, State],
  templateUrl: './model.html',
  styleUrl: './model.scss',
})
export class ModelPage {
  readonly id = input.required<string>();
  private readonly api = inject(ModelService);
  private readonly training = inject(TrainingService);
  private readonly datasets = inject(DatasetService);
  private readonly evaluations = inject(EvaluationService);
  private readonly exports = inject(ExportService);
  private readonly inference = inject(InferenceService);
  private readonly confirm = inject(Confirm);
  private readonly notices = inject(Notices);
  private readonly router = inject(Router);

  protected readonly model = load(() => ({ key: `model/${this.id()}`, fetch: () => this.api.getCustomModel({ id: this.id() }) }));
  protected readonly job = load(() => {
    const job = this.model.value()?.job_id;
    return job ? { key: `job/${job}`, fetch: () => this.training.getTrainingJob({ id: job }) } : undefined;
  });
  protected readonly dataset = load(() => {
    const dataset = this.model.value()?.dataset_id;
    return dataset ? { key: `dataset/${dataset}`, fetch: () => this.datasets.getDataset({ dataset_id: dataset }) } : undefined;
  });
  protected readonly scores = load(() => ({ key: `evaluations/${this.id()}`, fetch: () => collect((cursor) => this.evaluations.listEvaluations({ model_id: this.id(), limit: 200, cursor })) }));
  protected readonly built = load(() => ({ key: `exports/${this.id()}`, fetch: () => collect((cursor) => this.exports.listExports({ model_id: this.id(), limit: 200, cursor })) }));
  private readonly deployments = load(
    () => ({ key: 'deployments/all', fetch: () => collect((cursor) => this.inference.listDeployments({ limit: 200, cursor })) }),
    (page) => (page.items.some((deployment) => deployment.state === 'loading') ? LOADING_MS : null),
  );
  protected readonly deployment = computed(() => this.deployments.value()?.items.find((deployment) => deployment.model_id === this.id()));
  protected readonly editing = signal(false);
  protected readonly name = linkedSignal(() => this.model.value()?.name ?? '');
  protected readonly notes = linkedSignal(() => this.model.value()?.notes ?? '');
  protected readonly metrics = computed(() => Object.entries(this.model.value()?.metrics ?? {}));

  protected async save(): Promise<void> {
    const body = { name: this.name().trim(), notes: this.notes() };
    this.editing.set(false);
    const saved = await this.notices.attempt(() => this.model.foresee((model) => ({ ...model, ...body }), () => this.api.changeCustomModel({ id: this.id(), body })));
    if (saved) return;
    this.name.set(body.name); // what was entered is still there to be sent again
    this.notes.set(body.notes);
    this.editing.set(true);
  }

  protected async deploy(): Promise<void> {
    const deployment = this.deployment();
    const work = deployment
      ? () => this.inference.deleteDeployment({ deployment_id: deployment.id })
      : () => this.inference.createDeployment({ body: { model_id: this.id() } });
    if (await this.notices.attempt(work, deployment ? 'It leaves memory.' : 'It is being loaded.')) this.deployments.reload();
  }

  protected async remove(): Promise<void> {
    const evaluations = this.scores.value()?.items.length ?? 0;
    const exports = this.built.value()?.items.length ?? 0;
    const sure = await this.confirm.ask({
      heading: `Delete ${this.model.value()?.name}?`,
      text: 'The model goes for good. What depends on it:',
      consequences: [
        `${evaluations} evaluation${evaluations === 1 ? '' : 's'}: the scores stay to be read`,
        `${exports} export${exports === 1 ? '' : 's'}: built files stay, none can be built anew`,
        this.deployment() ? 'its deployment: it stops answering' : 'no deployment',
      ],
      verb: 'Delete model',
    });
    if (sure && (await this.notices.attempt(() => this.api.deleteCustomModel({ id: this.id() }), 'The model is deleted.'))) await this.router.navigate(['/models']);
  }

  protected scored(scores: Record<string, number>): [string, number][] {
    return Object.entries(scores);
  }

  protected words(name: string): string {
    return name.replaceAll('_', ' ');
  }
}
