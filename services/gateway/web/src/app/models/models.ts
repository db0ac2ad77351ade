/** What can be trained, and what training has made. */
import { Component, computed, inject, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { RouterLink } from '@angular/router';

import { AvailableModel, BaseView } from '../api/models';
import { ModelService } from '../api/services';
import { Confirm } from '../elements/confirm';
import { Empty } from '../elements/empty';
import { Meter } from '../elements/meter';
import { Moment } from '../elements/moment';
import { CountPipe, FigurePipe, ParametersPipe, SizePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { State } from '../elements/state';
import { load } from '../platform/load';
import { Notices } from '../platform/notices';
import { AddBase } from './add-base';

const LOOK_MS = 1500;
const ENDED = ['succeeded', 'failed', 'cancelled'];

@Component({
  selector: 'an-models',
  imports: [AddBase, CountPipe, Empty, FigurePipe, FormsModule, MatButton, MatFormFieldModule, MatInput, Meter, Moment, ParametersPipe, ProblemCard, RouterLink, SizePipe, Skeleton, State],
  templateUrl: './models.html',
})
export class Models {
  private readonly api = inject(ModelService);
  private readonly confirm = inject(Confirm);
  private readonly notices = inject(Notices);
  protected readonly query = signal('');
  protected readonly custom = load(() => ({ key: 'custom', fetch: () => this.api.listCustomModels({ limit: 100 }) }));
  protected readonly bases = load(
    () => ({ key: 'bases', fetch: () => this.api.listBaseModels({ limit: 100 }) }),
    (page) => (page.items.some((base) => !ENDED.includes(base.state)) ? LOOK_MS : null),
  );
  protected readonly available = load(() => {
    this.bases.value();
    return { key: 'available', fetch: () => this.api.listAvailableModels() };
  });
  protected readonly found = computed(() => {
    const words = this.query().trim().toLowerCase();
    const bases = (this.available.value()?.items ?? []).filter((model) => model.kind === 'base');
    return words ? bases.filter((model) => `${model.name} ${model.reference} ${model.architecture} ${model.note}`.toLowerCase().includes(words)) : bases;
  });
  protected readonly brought = computed(() => this.bases.value()?.items ?? []);

  protected note(model: AvailableModel): string {
    if (model.availability === 'unreachable') return 'Not here, and the hub cannot be reached.';
    return model.availability === 'downloadable' ? 'Not downloaded yet.' : model.note;
  }

  protected async fetch(reference: string): Promise<void> {
    if (await this.notices.attempt(() => this.api.addBaseModel$Json({ body: { hub_id: reference } }), `${reference} is being fetched.`)) this.bases.reload();
  }

  protected async remove(base: BaseView): Promise<void> {
    const sure = await this.confirm.ask({
      heading: `Forget ${base.name}?`,
      text: 'Its bytes on this platform are freed.',
      consequences: ['Full models that were trained from it stay.', 'Adapters that need it can no longer be used.'],
      verb: 'Forget base model',
    });
    if (sure && (await this.notices.attempt(() => this.api.deleteBaseModel({ id: base.id }), `${base.name} is gone.`))) this.bases.reload();
  }
}
