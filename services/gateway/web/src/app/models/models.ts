/** Custom models, deployments and base models. */
import { Component, computed, inject } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { RouterLink } from '@angular/router';

import { AvailableModel, BaseView } from '../api/models';
import { ModelService } from '../api/services';
import { Confirm } from '../elements/confirm';
import { EmptyState } from '../elements/empty-state';
import { Icon } from '../elements/icon';
import { LoadMore } from '../elements/load-more';
import { BytesPipe, CountPipe, MethodPipe, MetricPipe, ParametersPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { ProgressBar } from '../elements/progress-bar';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { WarningList } from '../elements/warning-list';
import { Notifications } from '../platform/notifications';
import { fetchAllPages, injectPagedQuery, withoutItem } from '../platform/paged-query';
import { injectQuery } from '../platform/query';
import { isFinal } from '../platform/run-state';
import { viewState } from '../platform/view-state';
import { AddBaseModel } from './add-base-model';
import { Deployments } from './deployments';
import { modelLabel } from './model-label';

const POLL_INTERVAL_MS = 1500;

@Component({
  selector: 'an-models',
  imports: [AddBaseModel, BytesPipe, CountPipe, Deployments, EmptyState, FormsModule, Icon, LoadMore, MatButton, MatFormFieldModule, MatInput, MethodPipe, MetricPipe, ParametersPipe, ProblemCard, ProgressBar, RelativeTime, RouterLink, Skeleton, StateBadge, WarningList],
  templateUrl: './models.html',
})
export class Models {
  private readonly api = inject(ModelService);
  private readonly confirm = inject(Confirm);
  private readonly notifications = inject(Notifications);
  protected readonly isFinal = isFinal;
  protected readonly modelLabel = modelLabel;
  protected readonly query = viewState('models.query', '');
  protected readonly customModels = injectPagedQuery(() => ({ key: 'custom', fetch: (cursor) => this.api.listCustomModels({ cursor }) }));
  protected readonly baseModels = injectQuery(
    () => ({ key: 'bases', fetch: () => fetchAllPages((cursor) => this.api.listBaseModels({ limit: 200, cursor })) }),
    (page) => (page.items.some((base) => !isFinal(base.state)) ? POLL_INTERVAL_MS : null),
  );
  protected readonly availableModels = injectQuery(() => {
    this.baseModels.value();
    return { key: 'available', fetch: () => this.api.listAvailableModels() };
  });
  protected readonly matchingModels = computed(() => {
    const query = this.query().trim().toLowerCase();
    const bases = (this.availableModels.value()?.items ?? []).filter((model) => model.kind === 'base');
    return query ? bases.filter((model) => `${model.name} ${model.reference} ${model.architecture} ${model.note}`.toLowerCase().includes(query)) : bases;
  });
  protected readonly hubUnreachable = computed(() => this.matchingModels().some((model) => model.availability === 'unreachable'));
  protected readonly names = computed(() => new Map((this.availableModels.value()?.items ?? []).map((model) => [model.id ?? model.reference, model.name])));
  protected readonly addedBaseModels = computed(() => this.baseModels.value()?.items ?? []);

  protected note(model: AvailableModel): string {
    if (model.availability === 'unreachable') return '';
    return model.availability === 'downloadable' ? 'Not downloaded yet.' : model.note;
  }

  protected async download(reference: string): Promise<void> {
    if (await this.notifications.run(() => this.api.addBaseModel$Json({ body: { hub_id: reference } }), `Downloading ${reference}.`)) this.baseModels.refetch();
  }

  protected async remove(base: BaseView): Promise<void> {
    const confirmed = await this.confirm.open({
      heading: `Remove ${base.name}?`,
      text: 'This deletes its files from the platform.',
      consequences: ['Full models trained from it are kept.', 'Adapters trained on it can no longer be used.'],
      confirmLabel: 'Remove base model',
    });
    if (confirmed) await this.notifications.run(() => this.baseModels.updateOptimistically(withoutItem(base.id), () => this.api.deleteBaseModel({ id: base.id })), `Removed ${base.name}.`);
  }
}
