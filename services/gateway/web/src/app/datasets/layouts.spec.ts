import { applyMapping, detectLayout, isComplete, suggestMapping } from './layouts';
import { LAYOUTS } from './layouts.generated';

const layout = (name: string) => LAYOUTS.find((layout) => layout.name === name)!;

describe('layouts', () => {
  it('detects the first layout whose columns are present, ignoring case', () => {
    expect(detectLayout(['Prompt', ' completion '])?.name).toBe('prompt/completion');
    expect(detectLayout(['prompt', 'chosen', 'rejected'])?.name).toBe('preference');
    expect(detectLayout(['input', 'preferred_output', 'non_preferred_output'])?.name).toBe('OpenAI preference');
    expect(detectLayout(['instruction', 'output'])?.name).toBe('prompt/completion');
    expect(detectLayout(['a', 'b'])).toBeUndefined();
  });

  it('suggests each column of the file at most once', () => {
    expect(suggestMapping(layout('prompt/completion'), ['id', 'user_query', 'agent_reply'])).toEqual({ prompt: 'user_query', completion: 'agent_reply' });
    expect(suggestMapping(layout('prompt/completion'), ['input'])).toEqual({ prompt: 'input' });
  });

  it('applies a mapping to rows', () => {
    expect(applyMapping([{ q: 'a', r: 'b', extra: 1 }], { prompt: 'q', completion: 'r' })).toEqual([{ prompt: 'a', completion: 'b' }]);
  });

  it('requires a column for every required field', () => {
    expect(isComplete(layout('prompt/completion'), { prompt: 'a' })).toBe(false);
    expect(isComplete(layout('prompt/completion'), { prompt: 'a', completion: 'b' })).toBe(true);
  });
});
