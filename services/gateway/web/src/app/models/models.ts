/** Custom models, deployments and base models. */
import { Component, computed, inject, signal } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { RouterLink } from '@angular/router';

import { BaseView, CustomModelView } from '../api/models';
import { ModelService } from '../api/services';
import { BulkActions } from '../elements/bulk-actions';
import { Confirm } from '../elements/confirm';
import { EmptyState } from '../elements/empty-state';
import { Icon } from '../elements/icon';
import { BytesPipe } from '../elements/pipes';
import { ProgressBar } from '../elements/progress-bar';
import { StateBadge } from '../elements/state-badge';
import { WarningList } from '../elements/warning-list';
import { injectList } from '../platform/list';
import { Notifications } from '../platform/notifications';
import { fetchAllPages, withoutItem } from '../platform/paged-query';
import { injectQuery } from '../platform/query';
import { isFinal } from '../platform/run-state';
import { Table } from '../table/table';
import { AddBaseModel } from './add-base-model';
import { Deployments } from './deployments';
import { BASE_COLUMNS, BASE_FILTERS, BaseRow, baseText, MODEL_COLUMNS, MODEL_FILTERS, modelText } from './model-columns';
import { modelLabel } from './model-label';

const POLL_INTERVAL_MS = 1500;
const PAGE_SIZE = 200;

@Component({
  selector: 'an-models',
  imports: [AddBaseModel, BytesPipe, Deployments, EmptyState, Icon, MatButton, ProgressBar, RouterLink, StateBadge, Table, WarningList],
  templateUrl: './models.html',
})
export class Models {
  private readonly api = inject(ModelService);
  private readonly confirm = inject(Confirm);
  private readonly notifications = inject(Notifications);
  protected readonly isFinal = isFinal;
  protected readonly modelLabel = modelLabel;
  protected readonly columns = MODEL_COLUMNS;
  protected readonly filters = MODEL_FILTERS;
  protected readonly searchedText = modelText;
  protected readonly baseColumns = BASE_COLUMNS;
  protected readonly baseFilters = BASE_FILTERS;
  protected readonly baseText = baseText;
  protected readonly selectable = () => true;
  private readonly bulkActions = inject(BulkActions);
  protected readonly customModels = injectList<CustomModelView>('models', (cursor) => this.api.listCustomModels({ cursor, limit: PAGE_SIZE }));
  protected readonly baseModels = injectQuery(
    () => ({ key: 'bases', fetch: () => fetchAllPages((cursor) => this.api.listBaseModels({ limit: 200, cursor })) }),
    (page) => (page.items.some((base) => !isFinal(base.state)) ? POLL_INTERVAL_MS : null),
  );
  protected readonly availableModels = injectQuery(() => {
    this.baseModels.value();
    return { key: 'available', fetch: () => this.api.listAvailableModels() };
  });
  private readonly baseRows = computed(() => this.availableModels.value()?.items.filter((model) => model.kind === 'base').map((model): BaseRow => ({ ...model, id: model.reference })));
  protected readonly available = { ...this.availableModels, items: this.baseRows, more: signal(false) };
  protected readonly hubUnreachable = computed(() => this.baseRows()?.some((model) => model.availability === 'unreachable'));
  protected readonly names = computed(() => new Map((this.availableModels.value()?.items ?? []).map((model) => [model.id ?? model.reference, model.name])));
  protected readonly addedBaseModels = computed(() => this.baseModels.value()?.items ?? []);

  protected async deleteModels(models: CustomModelView[]): Promise<void> {
    const text = 'This deletes the models permanently. Scores of their evaluations and files of their exports are kept; their deployments are removed.';
    this.customModels.remove(await this.bulkActions.delete(models, { noun: 'model', text, action: (id) => this.api.deleteCustomModel({ id }) }));
    this.customModels.refetch();
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
