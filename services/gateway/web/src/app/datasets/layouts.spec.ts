import { isComplete } from './layouts';
import { LAYOUTS } from './layouts.generated';

describe('isComplete', () => {
  it('requires a column for every required field', () => {
    const layout = LAYOUTS.find((layout) => layout.name === 'prompt/completion')!;
    expect(isComplete(layout, { prompt: 'a' })).toBe(false);
    expect(isComplete(layout, { prompt: 'a', completion: 'b' })).toBe(true);
  });
});
