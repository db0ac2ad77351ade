import { orderScores } from './metrics';

describe('orderScores', () => {
  it('begins with the exact scores where answers are labels, JSON or numbers', () => {
    expect(orderScores(['bleu', 'exact_match', 'perplexity', 'json_valid', 'json_fields'])).toEqual(['json_fields', 'exact_match', 'json_valid', 'bleu', 'perplexity']);
    expect(orderScores(['bleu', 'exact_match', 'accuracy'])[0]).toBe('accuracy');
  });

  it('keeps the order for free text', () => {
    expect(orderScores(['bleu', 'exact_match'])).toEqual(['bleu', 'exact_match']);
  });
});
