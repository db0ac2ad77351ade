import { JobView } from '../../api/models';
import { compareSettings } from './settings';

const job = (hyperparameters: object, fields: object = {}): JobView =>
  ({ base_name: 'seedling', method: 'lora', dataset_name: 'triage', dataset_version: 'v1', validation_id: null, preset: null, resources: { cpu: 1, gpu: 0 }, hyperparameters, ...fields }) as unknown as JobView;

describe('compareSettings', () => {
  const rows = compareSettings([
    job({ learning_rate: 0.001, seed: 0, lora: { rank: 16, targets: ['q_proj', 'v_proj'] } }),
    job({ learning_rate: 0.002, seed: 0, lora: null }, { method: 'full' }),
  ]);
  const row = (name: string) => rows.find((each) => each.name === name);

  it('marks the settings that differ', () => {
    expect(rows.filter((each) => each.differs).map((each) => each.name)).toEqual(['Method', 'Learning rate', 'LoRA rank', 'LoRA targets']);
    expect(row('Learning rate')?.values).toEqual(['0.001', '0.002']);
    expect(row('Seed')?.differs).toBe(false);
  });

  it('shows a dash for a setting that a job does not have', () => {
    expect(row('LoRA targets')?.values).toEqual(['q_proj, v_proj', '–']);
    expect(row('Preset')).toBeUndefined();
  });
});
