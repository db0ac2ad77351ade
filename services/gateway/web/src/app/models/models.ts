/** What can be trained, and what training has made. */
import { Component, computed, inject } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { RouterLink } from '@angular/router';

import { AvailableModel, BaseView } from '../api/models';
import { ModelService } from '../api/services';
import { Confirm } from '../elements/confirm';
import { Empty } from '../elements/empty';
import { Icon } from '../elements/icon';
import { Meter } from '../elements/meter';
import { Moment } from '../elements/moment';
import { More } from '../elements/more';
import { CountPipe, FigurePipe, ParametersPipe, SizePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { State } from '../elements/state';
import { kept } from '../platform/kept';
import { load } from '../platform/load';
import { collect, pages, without } from '../platform/pages';
import { Notices } from '../platform/notices';
import { AddBase } from './add-base';
import { Deployments } from './deployments';

const LOOK_MS = 1500;
const ENDED = ['succeeded', 'failed', 'cancelled'];

@Component({
  selector: 'an-models',
  imports: [AddBase, CountPipe, Deployments, Empty, FigurePipe, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, Meter, Moment, More, ParametersPipe, ProblemCard, RouterLink, SizePipe, Skeleton, State],
  templateUrl: './models.html',
})
export class Models {
  private readonly api = inject(ModelService);
  private readonly confirm = inject(Confirm);
  private readonly notices = inject(Notices);
  protected readonly query = kept('models.query', '');
  protected readonly custom = pages(() => ({ key: 'custom', fetch: (cursor) => this.api.listCustomModels({ cursor }) }));
  protected readonly bases = load(
    () => ({ key: 'bases', fetch: () => collect((cursor) => this.api.listBaseModels({ limit: 200, cursor })) }),
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
  protected readonly unreachable = computed(() => this.found().some((model) => model.availability === 'unreachable'));
  protected readonly names = computed(() => new Map((this.available.value()?.items ?? []).map((model) => [model.reference, model.name])));
  protected readonly brought = computed(() => this.bases.value()?.items ?? []);

  protected note(model: AvailableModel): string {
    if (model.availability === 'unreachable') return '';
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
    if (sure) await this.notices.attempt(() => this.bases.foresee(without(base.id), () => this.api.deleteBaseModel({ id: base.id })), `${base.name} is gone.`);
  }
}
