import { JobView } from '../api/models';
import { BLANK, draftOf, requestOf } from './draft';

describe('requestOf', () => {
  it('sends only what the user set', () => {
    const draft = { ...BLANK, dataset: 'ds_1', settings: { epochs: 2, max_steps: null }, lora: { rank: 8, alpha: null } };
    expect(requestOf(draft)).toEqual({ dataset: 'ds_1', base: 'seedling', method: 'lora', epochs: 2, lora: { rank: 8 }, after: ['evaluate'] });
  });

  it('leaves LoRA settings out of a full training', () => {
    expect(requestOf({ ...BLANK, dataset: 'ds_1', method: 'full', lora: { rank: 8 } })).not.toHaveProperty('lora');
  });
});

describe('draftOf', () => {
  it('asks for the same again, and leaves to the platform what was left to it', () => {
    const job = {
      dataset_id: 'ds_1', dataset_version: 'v1', base: 'seedling', method: 'lora', name: 'a', after: [],
      hyperparameters: { epochs: 3, learning_rate: 0.006, max_steps: null, lora: { rank: 4, alpha: 8 } },
      resources: { cpu: 2, gpu: 0, memory_gb: 4 }, priority: 5, defaulted: ['learning_rate', 'lora.alpha', 'resources.cpu'],
    } as unknown as JobView;
    expect(requestOf(draftOf(job))).toEqual({ dataset: 'ds_1@v1', base: 'seedling', method: 'lora', name: 'a', epochs: 3, lora: { rank: 4 }, resources: { memory_gb: 4 }, priority: 5 });
  });
});
