import { Estimate } from '../api/models';
import { memoryBreakdown, settingsText, verdictText } from './estimate-text';

const memory = { weights: 400, gradients: 400, optimizer: 800, activations: 1200, logits: 100, overhead: 300, libraries: 450 };

describe('estimate text', () => {
  it('breaks memory down, largest component first', () => {
    expect(memoryBreakdown({ memory } as Estimate).slice(0, 2)).toEqual([{ label: 'Activations', bytes: 1200 }, { label: 'Optimizer states', bytes: 800 }]);
    expect(memoryBreakdown({ memory: null } as Estimate)).toEqual([]);
  });

  it('describes the verdict and the suggested settings', () => {
    expect(verdictText({ verdict: 'does_not_fit' } as Estimate)).toBe('Does not fit in memory');
    expect(settingsText({ method: 'lora', micro_batch_tokens: 2048 })).toBe('method lora, micro batch tokens 2048');
  });
});
