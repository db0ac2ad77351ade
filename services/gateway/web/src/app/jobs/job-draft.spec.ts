import { TestBed } from '@angular/core/testing';

import { JobView } from '../api/models';
import { draftFromJob, EMPTY_DRAFT, JobDraftStore, toRequest } from './job-draft';

describe('toRequest', () => {
  it('sends only what the user set', () => {
    const draft = { ...EMPTY_DRAFT, dataset: 'ds_1', settings: { epochs: 2, max_steps: null }, lora: { rank: 8, alpha: null } };
    expect(toRequest(draft)).toEqual({ dataset: 'ds_1', base: 'seedling', method: 'lora', epochs: 2, lora: { rank: 8 }, after: ['evaluate'] });
  });

  it('omits LoRA settings for full fine-tuning', () => {
    expect(toRequest({ ...EMPTY_DRAFT, dataset: 'ds_1', method: 'full', lora: { rank: 8 } })).not.toHaveProperty('lora');
  });
});

describe('JobDraftStore', () => {
  it('forgets settings of the objective when another dataset is selected', () => {
    const drafts = TestBed.inject(JobDraftStore);
    drafts.update({ dataset: 'ds_1', settings: { objective: 'kto', beta: 0.2, desirable_weight: 2, epochs: 2 } });
    drafts.selectDataset('ds_2');
    expect(drafts.request()).toMatchObject({ dataset: 'ds_2', epochs: 2 });
    for (const name of ['objective', 'beta', 'desirable_weight']) expect(drafts.request()).not.toHaveProperty(name);
    drafts.reset();
  });
});

describe('draftFromJob', () => {
  it('copies the settings of a job, except those that were defaults', () => {
    const job = {
      dataset_id: 'ds_1', dataset_version: 'v1', validation_id: 'ds_2', validation_version: 'v3', base: 'seedling', method: 'lora', name: 'a', after: [],
      hyperparameters: { epochs: 3, learning_rate: 0.006, max_steps: null, lora: { rank: 4, alpha: 8 } },
      resources: { cpu: 2, gpu: 0, memory_gb: 4 }, priority: 5, defaulted: ['learning_rate', 'lora.alpha', 'resources.cpu'],
    } as unknown as JobView;
    expect(toRequest(draftFromJob(job))).toEqual({ dataset: 'ds_1@v1', validation: 'ds_2@v3', base: 'seedling', method: 'lora', name: 'a', epochs: 3, lora: { rank: 4 }, resources: { memory_gb: 4 }, priority: 5 });
  });
});
