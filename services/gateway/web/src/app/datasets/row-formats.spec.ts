import { applyMapping, detectFormat, isComplete, ROW_FORMATS, suggestMapping } from './row-formats';

const format = (name: string) => ROW_FORMATS.find((format) => format.name === name)!;

describe('row formats', () => {
  it('detects the first format whose columns are present, ignoring case', () => {
    expect(detectFormat(['Prompt', ' completion '])?.name).toBe('prompt/completion');
    expect(detectFormat(['prompt', 'chosen', 'rejected'])?.name).toBe('preference');
    expect(detectFormat(['input', 'preferred_output', 'non_preferred_output'])?.name).toBe('OpenAI preference');
    expect(detectFormat(['a', 'b'])).toBeUndefined();
  });

  it('suggests each column of the file at most once', () => {
    expect(suggestMapping(format('prompt/completion'), ['id', 'user_query', 'agent_reply'])).toEqual({ prompt: 'user_query', completion: 'agent_reply' });
    expect(suggestMapping(format('prompt/completion'), ['input'])).toEqual({ prompt: 'input' });
  });

  it('applies a mapping to rows', () => {
    expect(applyMapping([{ q: 'a', r: 'b', extra: 1 }], { prompt: 'q', completion: 'r' })).toEqual([{ prompt: 'a', completion: 'b' }]);
  });

  it('requires a column for every required field', () => {
    expect(isComplete(format('instruction/input/output'), { instruction: 'a' })).toBe(false);
    expect(isComplete(format('instruction/input/output'), { instruction: 'a', output: 'b' })).toBe(true);
  });
});
