/** Theme, API keys, browser sessions, presets, the dead-letter queue and system status. */
import { HttpErrorResponse } from '@angular/common/http';
import { Component, computed, inject, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { RouterLink } from '@angular/router';

import { Health, IssuedKey, KeyView, NewKey, PresetView } from '../api/models';
import { SystemService, TrainingService } from '../api/services';
import { CodeBlock } from '../elements/code-block';
import { Confirm } from '../elements/confirm';
import { Icon } from '../elements/icon';
import { SentenceCasePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { Notifications } from '../platform/notifications';
import { fetchAllPages, withoutItem } from '../platform/paged-query';
import { injectQuery } from '../platform/query';
import { Theme, ThemeChoice } from '../shell/theme';
import { DeadLetters } from './dead-letters';
import { NotificationSettings } from './notification-settings';
import { Sessions } from './sessions';

type Scope = NonNullable<NewKey['scopes']>[number];

const SCOPES: { name: Scope; help: string }[] = [
  { name: 'infer', help: 'Run inference only' },
  { name: 'read', help: 'Run inference and view everything' },
  { name: 'write', help: 'Also upload, train, evaluate and export' },
  { name: 'admin', help: 'Also manage API keys' },
];

/** A 503 response lists the status of every component, as a 200 response does. */
function readNotReady(failure: unknown): Health {
  if (failure instanceof HttpErrorResponse && failure.error?.checks) return failure.error as Health;
  throw failure;
}

@Component({
  selector: 'an-settings',
  imports: [CodeBlock, DeadLetters, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, NotificationSettings, ProblemCard, RelativeTime, RouterLink, SentenceCasePipe, Sessions, Skeleton, StateBadge],
  templateUrl: './settings.html',
})
export class Settings {
  private readonly system = inject(SystemService);
  private readonly training = inject(TrainingService);
  private readonly confirm = inject(Confirm);
  private readonly notifications = inject(Notifications);
  protected readonly theme = inject(Theme);
  protected readonly themes: ThemeChoice[] = ['light', 'dark', 'system'];
  protected readonly scopes = SCOPES;
  protected readonly keys = injectQuery(() => ({ key: 'keys', fetch: () => fetchAllPages((cursor) => this.system.listKeys({ limit: 200, cursor })) }));
  protected readonly presets = injectQuery(() => ({ key: 'presets', fetch: () => fetchAllPages((cursor) => this.training.listTrainingPresets({ limit: 200, cursor })) }));
  protected readonly session = injectQuery(() => ({ key: 'session', fetch: () => this.system.showSession() }));
  protected readonly health = injectQuery(() => ({ key: 'health', fetch: () => this.system.showReadiness().catch(readNotReady) }), () => 10_000);
  protected readonly checks = computed(() => Object.entries(this.health.value()?.checks ?? {}));
  protected readonly activeKeys = computed(() => (this.keys.value()?.items ?? []).filter((key) => !key.revoked_at));
  protected readonly name = signal('');
  protected readonly scope = signal<Scope>('write');
  protected readonly scopeHelp = computed(() => SCOPES.find((scope) => scope.name === this.scope())?.help);
  protected readonly days = signal<number | null>(90);
  protected readonly newKey = signal<IssuedKey | undefined>(undefined);

  protected async createKey(): Promise<void> {
    const body: NewKey = { name: this.name().trim(), scopes: [this.scope()], expires_in_days: this.days() || null };
    const created = await this.notifications.run(async () => this.newKey.set(await this.system.createKey({ body })));
    if (!created) return;
    this.name.set('');
    this.keys.refetch();
  }

  protected async revoke(key: KeyView): Promise<void> {
    const confirmed = await this.confirm.open({ heading: `Revoke ${key.name}?`, text: 'Clients and browser sessions that use this key, and keys that were created with it, lose access immediately.', confirmLabel: 'Revoke key' });
    if (confirmed) await this.notifications.run(() => this.keys.updateOptimistically(withoutItem(key.id), () => this.system.revokeKey({ key_id: key.id })), 'API key revoked.');
  }

  protected async deletePreset(preset: PresetView): Promise<void> {
    const confirmed = await this.confirm.open({ heading: `Delete ${preset.name}?`, text: 'Jobs that used the preset keep its values.', confirmLabel: 'Delete preset' });
    if (confirmed) await this.notifications.run(() => this.presets.updateOptimistically(withoutItem(preset.id), () => this.training.deleteTrainingPreset({ id: preset.id })), 'Preset deleted.');
  }

  protected async signOut(): Promise<void> {
    if (!(await this.notifications.run(() => this.system.signOut()))) return;
    localStorage.removeItem('anneal.draft.job');
    location.reload(); // clears what the page remembers
  }

  protected summary(preset: PresetView): string {
    return Object.entries(preset.settings)
      .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
      .join(', ');
  }
}
