/** One dataset: its validation report, token lengths, training examples and rows. */
import { Component, computed, inject, input, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Router, RouterLink } from '@angular/router';

import { Edit } from '../api/models';
import { DatasetService, ModelService } from '../api/services';
import { BulkActions } from '../elements/bulk-actions';
import { Icon } from '../elements/icon';
import { BytesPipe, CountPipe, CountedPipe, SentenceCasePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { WarningList } from '../elements/warning-list';
import { modelLabel } from '../models/model-label';
import { Notifications } from '../platform/notifications';
import { injectQuery } from '../platform/query';
import { injectPageTitle } from '../shell/page-title';
import { DuplicatesPanel } from './duplicates-panel';
import { RowsPanel } from './rows-panel';
import { TokenLengths } from './token-lengths';
import { Split, TrainingExample } from './training-example';

const POLL_INTERVAL_MS = 1500;

@Component({
  selector: 'an-dataset',
  imports: [BytesPipe, CountPipe, CountedPipe, DuplicatesPanel, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, ProblemCard, RelativeTime, RouterLink, RowsPanel, SentenceCasePipe, Skeleton, StateBadge, TokenLengths, TrainingExample, WarningList],
  templateUrl: './dataset.html',
  styleUrl: './dataset.scss',
})
export class DatasetPage {
  readonly id = input.required<string>();
  private readonly api = inject(DatasetService);
  private readonly models = inject(ModelService);
  private readonly bulkActions = inject(BulkActions);
  private readonly notifications = inject(Notifications);
  private readonly router = inject(Router);

  protected readonly dataset = injectQuery(
    () => ({ key: `dataset/${this.id()}`, fetch: () => this.api.getDataset({ dataset_id: this.id() }) }),
    (dataset) => (dataset.state === 'validating' ? POLL_INTERVAL_MS : null),
  );
  /** Polled until a model is usable: the bundled one is still being prepared right after the first start. */
  protected readonly availableModels = injectQuery(
    () => ({ key: 'available', fetch: () => this.models.listAvailableModels() }),
    (models) => (models.items.some((model) => model.usable) ? null : POLL_INTERVAL_MS),
  );
  protected readonly usableModels = computed(() => (this.availableModels.value()?.items ?? []).filter((model) => model.usable));
  private readonly selectedBase = signal<string | undefined>(undefined);
  protected readonly base = computed(() => this.selectedBase() ?? this.usableModels()[0]?.reference);
  protected readonly modelLabel = modelLabel;
  /** The current version is usable, also while another one is validated. */
  protected readonly ready = computed(() => Boolean(this.dataset.value()?.version));
  protected readonly report = computed(() => this.dataset.value()?.report);
  /** The latest upload, where it was rejected: it stays until the next one. */
  protected readonly failed = computed(() => this.dataset.value()?.versions.slice(0, 1).find((version) => version.state === 'rejected' || version.state === 'failed'));
  private readonly selectedModel = computed(() => this.usableModels().find((model) => model.reference === this.base()));
  protected readonly baseName = computed(() => this.selectedModel()?.name);
  /** What the rows need from a chat template; `shown`: whether that of the selected base model shows it, undefined if not known. */
  protected readonly features = computed(() => {
    const shown = this.selectedModel()?.template_features;
    return Object.entries(this.report()?.features ?? {}).map(([name, feature]) => ({ name, ...feature, shown: shown?.includes(name) }));
  });
  private readonly selectedSplit = signal<Split | undefined>(undefined);
  protected readonly splits = computed(() => Object.keys(this.report()?.splits ?? {}) as Split[]);
  protected readonly split = computed(() => this.selectedSplit() ?? this.splits().find((name) => this.report()?.splits[name]) ?? 'train');
  protected readonly rejectedPath = computed(() => `/datasets/${this.id()}/rejected`);

  protected selectBase(base: string): void {
    this.selectedBase.set(base);
  }

  protected selectSplit(split: Split): void {
    this.selectedSplit.set(split);
  }

  /** How a version was made from another one. */
  protected editText(edit: Edit): string {
    if (edit.kind === 'deduplicate') return edit.near ? 'without duplicates and near-duplicates' : 'without duplicates';
    const parts = [edit.excluded_ids ? `${edit.excluded_ids} selected` : '', edit.search ? `with “${edit.search}”` : '', edit.where ? `with ${edit.where}` : ''];
    return `without rows ${parts.filter(Boolean).join(' or ')}`;
  }

  constructor() {
    injectPageTitle(() => this.dataset.value()?.name);
  }

  protected async delete(): Promise<void> {
    const name = this.dataset.value()?.name ?? '';
    const text = 'This deletes all versions. Models trained on the dataset are kept but can no longer be evaluated on it.';
    const deleted = await this.bulkActions.delete([{ id: this.id(), name }], { noun: 'dataset', text, action: (id) => this.api.deleteDataset({ dataset_id: id }) });
    if (deleted.length) await this.router.navigate(['/datasets']);
  }
}
