import { complete, layoutOf, LAYOUTS, mapped, suggest } from './layouts';

const layout = (name: string) => LAYOUTS.find((one) => one.name === name)!;

describe('layouts', () => {
  it('recognises columns whatever their case, the first layout that fits', () => {
    expect(layoutOf(['Prompt', ' completion '])?.name).toBe('prompt/completion');
    expect(layoutOf(['prompt', 'chosen', 'rejected'])?.name).toBe('preference');
    expect(layoutOf(['input', 'preferred_output', 'non_preferred_output'])?.name).toBe('OpenAI preference');
    expect(layoutOf(['a', 'b'])).toBeUndefined();
  });

  it('suggests each column of the file once', () => {
    expect(suggest(layout('prompt/completion'), ['id', 'user_query', 'agent_reply'])).toEqual({ prompt: 'user_query', completion: 'agent_reply' });
    expect(suggest(layout('prompt/completion'), ['input'])).toEqual({ prompt: 'input' });
  });

  it('shows rows as they will be read', () => {
    expect(mapped([{ q: 'a', r: 'b', extra: 1 }], { prompt: 'q', completion: 'r' })).toEqual([{ prompt: 'a', completion: 'b' }]);
  });

  it('is complete with every required column', () => {
    expect(complete(layout('instruction/input/output'), { instruction: 'a' })).toBe(false);
    expect(complete(layout('instruction/input/output'), { instruction: 'a', output: 'b' })).toBe(true);
  });
});
