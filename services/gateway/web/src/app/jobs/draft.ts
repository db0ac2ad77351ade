/** A job on its way to being asked for: kept while the user looks elsewhere, turned into a request at the end. */
import { computed, Injectable } from '@angular/core';

import { JobView, LoraSettings, TrainingRequest, TrainingSettings } from '../api/models';
import { remembered } from '../platform/storage';

export type Method = NonNullable<TrainingRequest['method']>;
export type Follow = NonNullable<TrainingRequest['after']>[number];

/** Everything that the form shows. Null: left to the platform, which chooses by model and data. */
export interface Draft {
  dataset: string;
  base: string;
  method: Method;
  name: string;
  preset: string;
  after: Follow[];
  settings: TrainingSettings;
  lora: LoraSettings;
}

export const BLANK: Draft = { dataset: '', base: 'seedling', method: 'lora', name: '', preset: '', after: ['evaluate'], settings: {}, lora: {} };

/** The request of a draft: only what the user set. */
export function requestOf(draft: Draft): TrainingRequest {
  const settings = given(draft.settings);
  const lora = draft.method === 'full' ? {} : given(draft.lora);
  return {
    dataset: draft.dataset,
    base: draft.base,
    ...(draft.preset ? { preset: draft.preset } : {}),
    method: draft.method,
    ...(draft.name.trim() ? { name: draft.name.trim() } : {}),
    ...settings,
    ...(Object.keys(lora).length ? { lora } : {}),
    ...(draft.after.length ? { after: draft.after } : {}),
  };
}

/** A draft that asks for the same as a job did; what the job left to the platform is left to it again. */
export function draftOf(job: JobView): Draft {
  const left = new Set(job.defaulted);
  const { lora, ...values } = job.hyperparameters as TrainingSettings;
  const settings = Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== null && !left.has(name)));
  const resources = Object.fromEntries(Object.entries(job.resources).filter(([name, value]) => value && !left.has(`resources.${name}`)));
  const adapter = Object.fromEntries(Object.entries(lora ?? {}).filter(([name, value]) => value !== null && !left.has(`lora.${name}`)));
  return {
    dataset: `${job.dataset_id}@${job.dataset_version}`,
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
    lora: adapter as LoraSettings,
  };
}

function given<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== '' && value !== undefined)) as Partial<T>;
}

@Injectable({ providedIn: 'root' })
export class Drafts {
  readonly job = remembered<Draft>('draft.job', BLANK);
  readonly request = computed(() => requestOf(this.job()));

  change(change: Partial<Draft>): void {
    this.job.update((draft) => ({ ...draft, ...change }));
  }

  clear(): void {
    this.job.set(BLANK);
  }
}
