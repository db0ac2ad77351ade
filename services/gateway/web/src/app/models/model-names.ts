/** The models that can answer requests, and what they are called. */
import { computed, inject, Signal } from '@angular/core';

import { AvailableModel } from '../api/models';
import { ModelService } from '../api/services';
import { injectQuery } from '../platform/query';
import { modelLabel } from './model-label';

export interface ModelNames {
  /** Models with files on the platform, by their id. */
  readonly usable: Signal<(AvailableModel & { id: string })[]>;
  /** The label of the model with this id; the id itself of a deleted model. */
  nameOf(id: string): string;
  /** The page of the model with this id. */
  linkTo(id: string): string[];
}

/** Call it in an injection context. */
export function injectModelNames(): ModelNames {
  const api = inject(ModelService);
  const available = injectQuery(() => ({ key: 'available', fetch: () => api.listAvailableModels() }));
  const usable = computed(() => (available.value()?.items ?? []).filter((model): model is AvailableModel & { id: string } => model.usable && model.id !== null));
  const byId = computed(() => new Map(usable().map((model) => [model.id, model])));
  return {
    usable,
    nameOf: (id) => {
      const model = byId().get(id);
      return model ? modelLabel(model) : id;
    },
    linkTo: (id) => (id.startsWith('model_') ? ['/models', id] : ['/models']),
  };
}
