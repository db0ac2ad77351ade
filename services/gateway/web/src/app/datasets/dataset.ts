/** One dataset: what validation found, how long its rows are, and the very text that a model will learn from. */
import { Component, computed, inject, input, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Router, RouterLink } from '@angular/router';

import { DatasetService, ModelService } from '../api/services';
import { Confirm } from '../elements/confirm';
import { Icon } from '../elements/icon';
import { Moment } from '../elements/moment';
import { CountPipe, SizePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { State } from '../elements/state';
import { load } from '../platform/load';
import { Notices } from '../platform/notices';
import { Lengths } from './lengths';
import { TrainingText } from './training-text';

const LOOK_MS = 1500;
const ROWS = 10;

@Component({
  selector: 'an-dataset',
  imports: [CountPipe, FormsModule, Icon, Lengths, MatButton, MatFormFieldModule, MatInput, Moment, ProblemCard, RouterLink, SizePipe, Skeleton, State, TrainingText],
  templateUrl: './dataset.html',
  styleUrl: './dataset.scss',
})
export class DatasetPage {
  readonly id = input.required<string>();
  private readonly api = inject(DatasetService);
  private readonly models = inject(ModelService);
  private readonly confirm = inject(Confirm);
  private readonly notices = inject(Notices);
  private readonly router = inject(Router);

  protected readonly dataset = load(
    () => ({ key: `dataset/${this.id()}`, fetch: () => this.api.getDataset({ dataset_id: this.id() }) }),
    (dataset) => (dataset.state === 'validating' ? LOOK_MS : null),
  );
  /** Asked again until there is one: the bundled model is checked after the first start. */
  protected readonly bases = load(
    () => ({ key: 'available', fetch: () => this.models.listAvailableModels() }),
    (models) => (models.items.some((model) => model.usable) ? null : LOOK_MS),
  );
  protected readonly usable = computed(() => (this.bases.value()?.items ?? []).filter((model) => model.usable));
  private readonly chosen = signal<string | undefined>(undefined);
  protected readonly base = computed(() => this.chosen() ?? this.usable()[0]?.reference);
  protected readonly ready = computed(() => this.dataset.value()?.state === 'ready');
  protected readonly report = computed(() => this.dataset.value()?.report);
  protected readonly split = signal<'train' | 'validation' | undefined>(undefined);
  protected readonly shownSplit = computed(() => this.split() ?? (this.report()?.splits['train'] ? 'train' : 'validation'));
  protected readonly offset = signal(0);
  protected readonly rows = ROWS;
  protected readonly preview = load(() => {
    if (!this.ready()) return undefined;
    const asked = { dataset_id: this.id(), split: this.shownSplit(), offset: this.offset(), limit: ROWS };
    return { key: `preview/${JSON.stringify(asked)}`, fetch: () => this.api.previewDataset(asked) };
  });
  protected readonly rejectedPath = computed(() => `/datasets/${this.id()}/rejected`);

  protected choose(base: string): void {
    this.chosen.set(base);
  }

  protected turnTo(split: 'train' | 'validation'): void {
    this.split.set(split);
    this.offset.set(0);
  }

  protected async remove(): Promise<void> {
    const name = this.dataset.value()?.name ?? '';
    const sure = await this.confirm.ask({
      heading: `Delete ${name}?`,
      text: 'All its versions go. Models that were trained on it stay, but they can no longer be evaluated on it.',
      verb: 'Delete dataset',
    });
    if (sure && (await this.notices.attempt(() => this.api.deleteDataset({ dataset_id: this.id() }), `${name} is deleted.`))) {
      await this.router.navigate(['/datasets']);
    }
  }

  protected turns(row: Record<string, unknown>): { role: string; content: string }[] {
    const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
    const messages = (row['messages'] as { role: string; content: unknown }[] | undefined) ?? [];
    const turns = messages.map(({ role, content }) => ({ role, content: asText(content) }));
    for (const name of ['text', 'chosen', 'rejected']) {
      if (row[name] !== undefined) turns.push({ role: name, content: asText(row[name]) });
    }
    return turns;
  }
}
