import { Completion, isHidden, messagesFor, shuffled, titleOf, Turn, verdicts, votable } from './conversation';

const done = (model: string, text: string, more: Partial<Completion> = {}): Completion => ({ model, text, state: 'done', storedId: `id-${model}`, ...more });
const turn = (id: number, prompt: string, completions: Completion[], more: Partial<Turn> = {}): Turn => ({ id, prompt, completions, ...more });

describe('what a model is sent', () => {
  it('is its own answers, side by side', () => {
    const turns = [turn(1, 'Hi', [done('a', 'left'), done('b', 'right')])];
    expect(messagesFor(turns, 'b', { prompt: 'And?' }, ' Be brief. ').map((message) => message.content)).toEqual(['Be brief.', 'Hi', 'right', 'And?']);
    expect(messagesFor(turns, 'c', { prompt: 'And?' }, '').map((message) => message.content)).toEqual(['And?']);
  });

  it('is the preferred answer for all, after a blind vote or before a blind turn', () => {
    const turns = [turn(1, 'Hi', [done('a', 'left'), done('b', 'right')], { blind: true, vote: { best: 'b', feedbackIds: [] } })];
    for (const blind of [true, false]) expect(messagesFor(turns, 'a', { prompt: 'And?', blind }, '')[1]?.content).toBe('right');
    const open = [turn(1, 'Hi', [done('a', 'left'), done('b', 'right')])];
    expect(messagesFor(open, 'b', { prompt: 'And?', blind: true }, '')[1]?.content).toBe('left');
  });

  it('has calls of tools and their results', () => {
    const call = { id: 'call_1', name: 'f', arguments: '{}' };
    const turns = [turn(1, 'Hi', [done('a', '', { toolCalls: [call] }), done('b', 'no')])];
    const messages = messagesFor(turns, 'a', { prompt: '', results: [{ id: 'call_1', content: '42' }] }, '');
    expect(messages[1]).toEqual({ role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }] });
    expect(messages[2]).toEqual({ role: 'tool', tool_call_id: 'call_1', content: '42' });
  });
});

describe('a blind vote', () => {
  it('hides names until it is given, or cannot be given', () => {
    const blind = turn(1, 'Hi', [done('a', 'left'), done('b', 'right', { state: 'streaming' })], { blind: true });
    expect([isHidden(blind), votable(blind).length]).toEqual([true, 0]);
    const ended = { ...blind, completions: [done('a', 'left'), done('b', 'right')] };
    expect([isHidden(ended), votable(ended).length]).toEqual([true, 2]);
    expect(isHidden({ ...ended, vote: { best: null, feedbackIds: [] } })).toBe(false);
    expect(isHidden({ ...blind, completions: [done('a', 'left'), done('b', '', { state: 'failed', storedId: undefined })] })).toBe(false);
  });

  it('compares the best with each other answer, and each two in a tie', () => {
    expect(verdicts(['a', 'b', 'c'], 'b')).toEqual([{ chosen: 'b', rejected: 'a' }, { chosen: 'b', rejected: 'c' }]);
    expect(verdicts(['a', 'b', 'c'], null)).toHaveLength(3);
  });

  it('shows the models in an order that chance decides', () => {
    const draws = [0.99, 0];
    expect(shuffled(['a', 'b', 'c'], () => draws.shift()!)).toEqual(['b', 'a', 'c']);
    expect(shuffled(['a', 'b', 'c']).sort()).toEqual(['a', 'b', 'c']);
  });
});

it('is called by its first prompt', () => {
  expect(titleOf({ id: 'c', updatedAt: 0, turns: [turn(1, ' Where\nis it? ', [])] })).toBe('Where is it?');
});
