/** One custom model: its lineage from dataset to deployment, its evaluations and exports. */
import { Component, computed, inject, input, linkedSignal, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Router, RouterLink } from '@angular/router';

import { DatasetService, EvaluationService, ExportService, InferenceService, ModelService, TrainingService } from '../api/services';
import { CodeBlock } from '../elements/code-block';
import { BulkActions } from '../elements/bulk-actions';
import { Icon } from '../elements/icon';
import { BytesPipe, CountPipe, CountedPipe, MethodPipe, MetricPipe, ParametersPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { metricLabel } from '../evaluations/metrics';
import { metricName } from '../jobs/metric-names';
import { Notifications } from '../platform/notifications';
import { fetchAllPages } from '../platform/paged-query';
import { injectQuery } from '../platform/query';
import { injectPageTitle } from '../shell/page-title';

const POLL_INTERVAL_MS = 1500;

@Component({
  selector: 'an-model',
  imports: [BytesPipe, CodeBlock, CountPipe, CountedPipe, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, MethodPipe, MetricPipe, ParametersPipe, ProblemCard, RelativeTime, RouterLink, Skeleton, StateBadge],
  templateUrl: './model.html',
  styleUrl: './model.scss',
})
export class ModelPage {
  readonly id = input.required<string>();
  protected readonly entries = Object.entries<number>;
  protected readonly metricLabel = metricLabel;
  protected readonly metricName = metricName;
  private readonly api = inject(ModelService);
  private readonly training = inject(TrainingService);
  private readonly datasets = inject(DatasetService);
  private readonly evaluationApi = inject(EvaluationService);
  private readonly exportApi = inject(ExportService);
  private readonly inference = inject(InferenceService);
  private readonly bulkActions = inject(BulkActions);
  private readonly notifications = inject(Notifications);
  private readonly router = inject(Router);

  protected readonly model = injectQuery(() => ({ key: `model/${this.id()}`, fetch: () => this.api.getCustomModel({ id: this.id() }) }));
  protected readonly job = injectQuery(() => {
    const job = this.model.value()?.job_id;
    return job ? { key: `job/${job}`, fetch: () => this.training.getTrainingJob({ id: job }) } : undefined;
  });
  protected readonly dataset = injectQuery(() => {
    const dataset = this.model.value()?.dataset_id;
    return dataset ? { key: `dataset/${dataset}`, fetch: () => this.datasets.getDataset({ dataset_id: dataset }) } : undefined;
  });
  protected readonly evaluations = injectQuery(() => ({ key: `evaluations/${this.id()}`, fetch: () => fetchAllPages((cursor) => this.evaluationApi.listEvaluations({ model_id: this.id(), limit: 200, cursor })) }));
  protected readonly exports = injectQuery(() => ({ key: `exports/${this.id()}`, fetch: () => fetchAllPages((cursor) => this.exportApi.listExports({ model_id: this.id(), limit: 200, cursor })) }));
  private readonly deployments = injectQuery(
    () => ({ key: 'deployments/all', fetch: () => fetchAllPages((cursor) => this.inference.listDeployments({ limit: 200, cursor })) }),
    (page) => (page.items.some((deployment) => deployment.state === 'loading') ? POLL_INTERVAL_MS : null),
  );
  protected readonly deployment = computed(() => this.deployments.value()?.items.find((deployment) => deployment.model_id === this.id()));
  protected readonly editing = signal(false);
  protected readonly name = linkedSignal(() => this.model.value()?.name ?? '');
  protected readonly notes = linkedSignal(() => this.model.value()?.notes ?? '');
  protected readonly metrics = computed(() => Object.entries(this.model.value()?.metrics ?? {}));

  constructor() {
    injectPageTitle(() => this.model.value()?.name);
  }

  protected async save(): Promise<void> {
    const body = { name: this.name().trim(), notes: this.notes() };
    this.editing.set(false);
    const saved = await this.notifications.run(() => this.model.updateOptimistically((model) => ({ ...model, ...body }), () => this.api.changeCustomModel({ id: this.id(), body })));
    if (saved) return;
    this.name.set(body.name); // restore the input, so that the user can retry
    this.notes.set(body.notes);
    this.editing.set(true);
  }

  protected async toggleDeployment(): Promise<void> {
    const deployment = this.deployment();
    const request = deployment
      ? () => this.inference.deleteDeployment({ deployment_id: deployment.id })
      : () => this.inference.createDeployment({ body: { model_id: this.id() } });
    if (await this.notifications.run(request, deployment ? 'Model undeployed.' : 'Deploying the model.')) this.deployments.refetch();
  }

  protected async delete(): Promise<void> {
    const text = 'This deletes the model permanently. Scores of its evaluations and files of its exports are kept, but cannot be made again; its deployment is removed.';
    const deleted = await this.bulkActions.delete([{ id: this.id(), name: this.model.value()?.name ?? this.id() }], { noun: 'model', text, action: (id) => this.api.deleteCustomModel({ id }) });
    if (deleted.length) await this.router.navigate(['/models']);
  }
}
