/** Models as files to take away: built, checked against the tuned model, downloaded with resume. */
import { Component, computed, effect, inject, input, signal, untracked } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { RouterLink } from '@angular/router';

import { ExportView } from '../api/models';
import { ExportService, ModelService } from '../api/services';
import { Confirm } from '../elements/confirm';
import { Copy } from '../elements/copy';
import { Empty } from '../elements/empty';
import { figure } from '../elements/format';
import { Icon } from '../elements/icon';
import { Meter } from '../elements/meter';
import { Moment } from '../elements/moment';
import { More } from '../elements/more';
import { SizePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { State } from '../elements/state';
import { kept } from '../platform/kept';
import { load } from '../platform/load';
import { collect, pages, without } from '../platform/pages';
import { Notices } from '../platform/notices';
import { Problem, problemOf } from '../platform/problem';
import { Format, FORMATS, usage } from './formats';

const LOOK_MS = 1000;
const ENDED = ['succeeded', 'failed', 'cancelled'];

@Component({
  selector: 'an-exports',
  imports: [Copy, Empty, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, Meter, Moment, More, ProblemCard, RouterLink, SizePipe, Skeleton, State],
  templateUrl: './exports.html',
  styleUrl: './exports.scss',
})
export class Exports {
  /** The custom model that the user came from. */
  readonly model = input<string>();
  private readonly api = inject(ExportService);
  private readonly models = inject(ModelService);
  private readonly confirm = inject(Confirm);
  private readonly notices = inject(Notices);
  protected readonly formats = FORMATS;
  protected readonly usage = usage;
  protected readonly custom = load(() => ({ key: 'custom/all', fetch: () => collect((cursor) => this.models.listCustomModels({ limit: 200, cursor })) }));
  protected readonly page = pages(
    () => ({ key: 'exports', fetch: (cursor) => this.api.listExports({ cursor }) }),
    (page) => (page.items.some((run) => !ENDED.includes(run.state)) ? LOOK_MS : null),
  );
  protected readonly names = computed(() => new Map((this.custom.value()?.items ?? []).map((model) => [model.id, model.name])));
  protected readonly chosen = kept('exports.model', '');
  protected readonly format = kept<Format>('exports.format', 'torch');
  protected readonly problem = signal<Problem | undefined>(undefined);
  protected readonly isAdapter = computed(() => this.custom.value()?.items.find((model) => model.id === this.chosen())?.kind === 'adapter');

  constructor() {
    effect(() => {
      const [asked, first] = [this.model(), this.custom.value()?.items[0]?.id];
      untracked(() => this.chosen.set(asked ?? (this.chosen() || (first ?? ''))));
    });
  }

  protected async start(model: string, format: Format): Promise<void> {
    this.problem.set(undefined);
    try {
      await this.api.startExport({ id: model, body: { format } });
      this.page.reload();
    } catch (failure) {
      this.problem.set(problemOf(failure));
    }
  }

  protected async cancel(run: ExportView): Promise<void> {
    await this.notices.attempt(() => this.api.cancelExport({ id: run.id }), 'The export is being cancelled.');
    this.page.reload();
  }

  protected async remove(run: ExportView): Promise<void> {
    const sure = await this.confirm.ask({ heading: 'Delete this export?', text: 'Its files go. They can be built anew as long as the model is there.', verb: 'Delete export' });
    if (sure) await this.notices.attempt(() => this.page.foresee(without(run.id), () => this.api.deleteExport({ id: run.id })), 'The export is deleted.');
  }

  protected archivePath(run: ExportView): string {
    return `/models/custom/${run.model_id}/export?format=${run.format}`;
  }

  protected filePath(run: ExportView, name: string): string {
    return `/exports/${run.id}/files/${name.split('/').map(encodeURIComponent).join('/')}`;
  }

  protected checks(run: ExportView): [string, string][] {
    return Object.entries(run.check).map(([name, value]) => [name.replaceAll('_', ' '), typeof value === 'number' ? figure(value) : String(value)]);
  }
}
