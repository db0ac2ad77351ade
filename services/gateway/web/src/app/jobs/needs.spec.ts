import { Estimate } from '../api/models';
import { changesOf, partsOf, verdictOf } from './needs';

const memory = { weights: 400, gradients: 400, optimizer: 800, activations: 1200, logits: 100, overhead: 300, libraries: 450 };

describe('what a job needs', () => {
  it('is told by part, the largest first', () => {
    expect(partsOf({ memory } as Estimate).slice(0, 2)).toEqual([{ name: 'Activations', bytes: 1200 }, { name: 'Optimizer', bytes: 800 }]);
    expect(partsOf({ memory: null } as Estimate)).toEqual([]);
  });

  it('comes with a verdict and with settings that would fit', () => {
    expect(verdictOf({ verdict: 'does_not_fit' } as Estimate)).toBe('It does not fit.');
    expect(changesOf({ method: 'lora', micro_batch_tokens: 2048 })).toBe('method lora, micro batch tokens 2048');
  });
});
