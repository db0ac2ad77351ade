/** API keys, presets, the theme, this session, and how the platform is. */
import { HttpErrorResponse } from '@angular/common/http';
import { Component, computed, inject, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';

import { Health, IssuedKey, KeyView, NewKey, PresetView } from '../api/models';
import { SystemService, TrainingService } from '../api/services';
import { Confirm } from '../elements/confirm';
import { Copy } from '../elements/copy';
import { Icon } from '../elements/icon';
import { Moment } from '../elements/moment';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { State } from '../elements/state';
import { Connection } from '../platform/connection';
import { load } from '../platform/load';
import { collect, without } from '../platform/pages';
import { Notices } from '../platform/notices';
import { Theme, ThemeChoice } from '../shell/theme';
import { DeadEvents } from './dead-events';

type Scope = NonNullable<NewKey['scopes']>[number];

const SCOPES: { name: Scope; help: string }[] = [
  { name: 'infer', help: 'only ask models' },
  { name: 'read', help: 'also look at everything' },
  { name: 'write', help: 'also upload, train, evaluate, export' },
  { name: 'admin', help: 'also make and revoke keys' },
];

/** 503 says of each part how it is, as 200 does. */
function notReady(failure: unknown): Health {
  if (failure instanceof HttpErrorResponse && failure.error?.checks) return failure.error as Health;
  throw failure;
}

@Component({
  selector: 'an-settings',
  imports: [Copy, DeadEvents, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, Moment, ProblemCard, Skeleton, State],
  templateUrl: './settings.html',
})
export class Settings {
  private readonly system = inject(SystemService);
  private readonly training = inject(TrainingService);
  private readonly confirm = inject(Confirm);
  private readonly notices = inject(Notices);
  private readonly connection = inject(Connection);
  protected readonly theme = inject(Theme);
  protected readonly themes: ThemeChoice[] = ['light', 'dark', 'system'];
  protected readonly scopes = SCOPES;
  protected readonly keys = load(() => ({ key: 'keys', fetch: () => collect((cursor) => this.system.listKeys({ limit: 200, cursor })) }));
  protected readonly presets = load(() => ({ key: 'presets', fetch: () => collect((cursor) => this.training.listTrainingPresets({ limit: 200, cursor })) }));
  protected readonly session = load(() => ({ key: 'session', fetch: () => this.system.showSession() }));
  protected readonly health = load(() => ({ key: 'health', fetch: () => this.system.showReadiness().catch(notReady) }), () => 10_000);
  protected readonly checks = computed(() => Object.entries(this.health.value()?.checks ?? {}));
  protected readonly living = computed(() => (this.keys.value()?.items ?? []).filter((key) => !key.revoked_at));
  protected readonly name = signal('');
  protected readonly scope = signal<Scope>('write');
  protected readonly scopeHelp = computed(() => SCOPES.find((scope) => scope.name === this.scope())?.help);
  protected readonly days = signal<number | null>(90);
  protected readonly issued = signal<IssuedKey | undefined>(undefined);

  protected async make(): Promise<void> {
    const body: NewKey = { name: this.name().trim(), scopes: [this.scope()], expires_in_days: this.days() || null };
    const made = await this.notices.attempt(async () => this.issued.set(await this.system.createKey({ body })));
    if (!made) return;
    this.name.set('');
    this.keys.reload();
  }

  protected async revoke(key: KeyView): Promise<void> {
    const sure = await this.confirm.ask({ heading: `Revoke ${key.name}?`, text: 'Whatever uses this key stops working at once, and so do browser sessions that were opened with it.', verb: 'Revoke key' });
    if (sure) await this.notices.attempt(() => this.keys.foresee(without(key.id), () => this.system.revokeKey({ key_id: key.id })), 'The key is revoked.');
  }

  protected async forget(preset: PresetView): Promise<void> {
    const sure = await this.confirm.ask({ heading: `Forget ${preset.name}?`, text: 'Jobs that used it keep the values.', verb: 'Forget preset' });
    if (sure) await this.notices.attempt(() => this.presets.foresee(without(preset.id), () => this.training.deleteTrainingPreset({ id: preset.id })), 'The preset is gone.');
  }

  protected async signOut(): Promise<void> {
    if (await this.notices.attempt(() => this.system.signOut())) this.connection.signedOut.set(true);
  }

  protected summary(preset: PresetView): string {
    return Object.entries(preset.settings)
      .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
      .join(', ');
  }
}
