/** The draft of a training job: the state of the form, kept during navigation, and the request it becomes. */
import { computed, Injectable } from '@angular/core';

import { JobView, LoraSettings, TrainingRequest, TrainingSettings } from '../api/models';
import { storedSignal } from '../platform/storage';

export type Method = NonNullable<TrainingRequest['method']>;
export type FollowUpTask = NonNullable<TrainingRequest['after']>[number];

/** The values of the form. Null leaves a setting to the platform, which derives it from method, model and data. */
export interface JobDraft {
  dataset: string;
  /** Another dataset to validate on; empty: the validation split. */
  validation?: string;
  base: string;
  method: Method;
  name: string;
  preset: string;
  after: FollowUpTask[];
  settings: TrainingSettings;
  lora: LoraSettings;
  /** The job whose settings these are, if it did not succeed. */
  retries?: { id: string; name: string; state: string; detail: string };
}

/** The parts of a request that are objects of settings: `lora.rank` is one of them. */
type Group = 'lora' | 'resources';

export const EMPTY_DRAFT: JobDraft = { dataset: '', base: 'seedling', method: 'lora', name: '', preset: '', after: ['evaluate'], settings: {}, lora: {} };

/** The request of a draft, with only the settings that the user set. */
export function toRequest(draft: JobDraft): TrainingRequest {
  const settings = withoutUnset(draft.settings);
  const lora = draft.method === 'full' ? {} : withoutUnset(draft.lora);
  return {
    dataset: draft.dataset,
    ...(draft.validation ? { validation: draft.validation } : {}),
    base: draft.base,
    ...(draft.preset ? { preset: draft.preset } : {}),
    method: draft.method,
    ...(draft.name.trim() ? { name: draft.name.trim() } : {}),
    ...settings,
    ...(Object.keys(lora).length ? { lora } : {}),
    ...(draft.after.length ? { after: draft.after } : {}),
  };
}

/** A draft that repeats a job. Settings that were defaults become defaults again. */
export function draftFromJob(job: JobView): JobDraft {
  const defaulted = new Set(job.defaulted);
  const { lora, ...hyperparameters } = job.hyperparameters as TrainingSettings;
  const settings = Object.fromEntries(Object.entries(hyperparameters).filter(([name, value]) => value !== null && !defaulted.has(name)));
  const resources = Object.fromEntries(Object.entries(job.resources).filter(([name, value]) => value && !defaulted.has(`resources.${name}`)));
  const loraSettings = Object.fromEntries(Object.entries(lora ?? {}).filter(([name, value]) => value !== null && !defaulted.has(`lora.${name}`)));
  return {
    dataset: `${job.dataset_id}@${job.dataset_version}`,
    validation: job.validation_id ? `${job.validation_id}@${job.validation_version}` : '',
    base: job.base,
    method: job.method,
    name: job.name,
    preset: '',
    after: job.after,
    settings: {
      ...(settings as TrainingSettings),
      ...(Object.keys(resources).length ? { resources } : {}),
      ...(job.priority ? { priority: job.priority } : {}),
    },
    lora: loraSettings as LoraSettings,
    ...(['failed', 'cancelled'].includes(job.state) ? { retries: { id: job.id, name: job.name, state: job.state, detail: job.detail ?? '' } } : {}),
  };
}

function withoutUnset<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== '' && value !== undefined)) as Partial<T>;
}

@Injectable({ providedIn: 'root' })
export class JobDraftStore {
  readonly draft = storedSignal<JobDraft>('draft.job', EMPTY_DRAFT);
  readonly request = computed(() => toRequest(this.draft()));

  update(changes: Partial<JobDraft>): void {
    this.draft.update((draft) => ({ ...draft, ...changes }));
  }

  /** Selects a dataset. What depends on the form of its rows becomes the default again. */
  selectDataset(dataset: string): void {
    const settings = { ...this.draft().settings, objective: null, beta: null, desirable_weight: null, undesirable_weight: null };
    this.update({ dataset, validation: '', settings });
  }

  /** What the user set; empty: nothing. `name` is that of a setting: `epochs`, `lora.rank`. */
  value(name: string): unknown {
    const [group, inner] = name.split('.') as [Group, string | undefined];
    const values = (inner ? this.group(group) : this.draft().settings) as Record<string, unknown>;
    return values[inner ?? name] ?? '';
  }

  /** Sets a setting, or leaves it to the platform again if `value` is empty. */
  set(name: string, value: unknown): void {
    const [group, inner] = name.split('.') as [Group, string | undefined];
    const setting = { [inner ?? name]: value === '' ? null : value };
    if (!inner) return this.update({ settings: { ...this.draft().settings, ...setting } });
    const values = { ...this.group(group), ...setting };
    if (group === 'lora') return this.update({ lora: values as LoraSettings });
    const resources = withoutUnset(values);
    this.update({ settings: { ...this.draft().settings, resources: Object.keys(resources).length ? resources : null } });
  }

  reset(): void {
    this.draft.set(EMPTY_DRAFT);
  }

  private group(name: Group): object {
    return (name === 'lora' ? this.draft().lora : this.draft().settings.resources) ?? {};
  }
}
