/** The settings of the draft as the platform resolves them while the user types, with every problem at once. */
import { computed, effect, inject, Injectable, signal } from '@angular/core';

import { SettingView } from '../api/models';
import { TrainingService } from '../api/services';
import { injectQuery } from '../platform/query';
import { JobDraftStore } from './job-draft';
import { problemText } from './setting-text';
import { settingLabel } from './settings-fields';

const DEBOUNCE_MS = 250;

/** Provided by the form. */
@Injectable()
export class JobSettings {
  private readonly training = inject(TrainingService);
  private readonly drafts = inject(JobDraftStore);
  private readonly body = signal<object | undefined>(undefined);
  private readonly resolved = injectQuery(() => {
    const body = this.body();
    return body && { key: 'job-settings', fetch: () => this.training.resolveTrainingSettings({ body: body as Record<string, unknown> }) };
  });
  private readonly settings = computed(() => new Map((this.resolved.value()?.settings ?? []).map((setting): [string, SettingView] => [setting.name, setting])));
  private readonly problems = computed(() => new Map((this.resolved.value()?.problems ?? []).map((problem): [string, string] => [problem.field, problemText(problem)])));
  readonly steps = computed(() => this.resolved.value()?.steps);
  /** Problems of fields that the form does not show, as sentences. */
  readonly otherProblems = computed(() => [...this.problems()].filter(([field]) => !settingLabel(field)).map(([, text]) => text));
  /** What must be done before the job can start; empty: nothing. */
  readonly missing = computed(() => {
    const fields = [...this.problems().keys()];
    if (!this.drafts.draft().dataset) return 'Select a dataset';
    if (fields.length === 1) return `Correct ${settingLabel(fields[0]!) ?? fields[0]}`;
    return fields.length ? `Correct ${fields.length} fields` : '';
  });

  constructor() {
    effect((onCleanup) => {
      const body = this.drafts.request();
      const timer = setTimeout(() => this.body.set(body), this.body() ? DEBOUNCE_MS : 0);
      onCleanup(() => clearTimeout(timer));
    });
  }

  setting(name: string): SettingView | undefined {
    return this.settings().get(name);
  }

  problem(name: string): string | undefined {
    return this.problems().get(name);
  }

  /** Resolves again, because the platform knows more: it has counted the rows. */
  refetch(): void {
    this.resolved.refetch();
  }
}
