import { JobView } from '../api/models';
import { estimate, stepsOf } from './estimate';

const past = {
  id: 'job_1', name: 'a', state: 'succeeded', base: 'seedling', method: 'lora',
  started_at: '2026-01-01T00:00:00Z', finished_at: '2026-01-01T00:01:40Z',
  hyperparameters: { batch_size: 8, epochs: 4, max_steps: null },
} as unknown as JobView;

describe('estimate', () => {
  it('counts steps as the platform does', () => {
    expect(stepsOf({ epochs: 3, batch_size: 8 }, 100)).toBe(39);
    expect(stepsOf({ max_steps: 7 }, 100)).toBe(7);
  });

  it('judges by the last job of its kind', () => {
    const guess = estimate({ dataset: 'd', base: 'seedling', method: 'lora', max_steps: 200 }, 200, [past]);
    expect(guess?.steps).toBe(200);
    expect(guess?.seconds).toBeCloseTo(200); // 100 steps took 100 s
  });

  it('takes steps with more rows to cost more', () => {
    expect(estimate({ dataset: 'd', base: 'seedling', method: 'lora', max_steps: 100, batch_size: 16 }, 200, [past])?.seconds).toBeCloseTo(200);
  });

  it('does not guess without a job like it', () => {
    expect(estimate({ dataset: 'd', base: 'seedling', method: 'full' }, 200, [past])).toBeUndefined();
  });
});
