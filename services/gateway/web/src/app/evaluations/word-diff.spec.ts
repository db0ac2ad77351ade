import { metricLabel } from './metrics';
import { wordDiff } from './word-diff';

describe('wordDiff', () => {
  it('marks inserted and deleted words', () => {
    expect(wordDiff('the cat sat', 'the dog sat')).toEqual([
      { text: 'the ', kind: 'equal' },
      { text: 'dog ', kind: 'inserted' },
      { text: 'cat ', kind: 'deleted' },
      { text: 'sat', kind: 'equal' },
    ]);
  });

  it('compares JSON value by value', () => {
    const parts = wordDiff('{"urgency":"low"}', '{"urgency":"high"}');
    expect(parts.filter((part) => part.kind !== 'equal').map((part) => part.text)).toEqual(['high', 'low']);
  });

  it('restores the answer when the deleted parts are dropped', () => {
    const answer = 'We will call you, today.';
    const parts = wordDiff('We will write to you tomorrow.', answer);
    expect(parts.filter((part) => part.kind !== 'deleted').map((part) => part.text).join('')).toBe(answer);
  });
});

describe('metricLabel', () => {
  it('names scores that a metric has several of', () => {
    expect(['bleu', 'rougeL', 'rouge1', 'json_valid', 'macro_f1'].map(metricLabel)).toEqual(['BLEU', 'ROUGE-L', 'ROUGE-1', 'JSON valid', 'Macro F1']);
  });
});
