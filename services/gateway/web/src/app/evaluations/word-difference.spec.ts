import { verdict } from './metrics';
import { wordDifference } from './word-difference';

describe('wordDifference', () => {
  it('marks what was added and what is missing', () => {
    expect(wordDifference('the cat sat', 'the dog sat')).toEqual([
      { text: 'the ', kind: 'same' },
      { text: 'dog ', kind: 'added' },
      { text: 'cat ', kind: 'missing' },
      { text: 'sat', kind: 'same' },
    ]);
  });

  it('compares JSON by its members', () => {
    const pieces = wordDifference('{"urgency":"low"}', '{"urgency":"high"}');
    expect(pieces.filter((piece) => piece.kind !== 'same').map((piece) => piece.text)).toEqual(['high', 'low']);
  });

  it('gives the answer back when the missing is left out', () => {
    const answer = 'We will call you, today.';
    const pieces = wordDifference('We will write to you tomorrow.', answer);
    expect(pieces.filter((piece) => piece.kind !== 'missing').map((piece) => piece.text).join('')).toBe(answer);
  });
});

describe('verdict', () => {
  it('knows that less perplexity is better', () => {
    expect([verdict('bleu', 2, 1), verdict('perplexity', 2, 1), verdict('rouge1', 1, 1)]).toEqual(['better', 'worse', 'same']);
  });
});
