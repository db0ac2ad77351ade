import { orderScores, withLabels } from './metrics';

describe('orderScores', () => {
  it('begins with the exact scores where answers are labels, JSON or numbers', () => {
    expect(orderScores(['bleu', 'exact_match', 'perplexity', 'json_valid', 'json_fields'])).toEqual(['json_fields', 'exact_match', 'json_valid', 'bleu', 'perplexity']);
    expect(orderScores(['bleu', 'exact_match', 'accuracy'])[0]).toBe('accuracy');
  });

  it('keeps the order for free text', () => {
    expect(orderScores(['bleu', 'exact_match'])).toEqual(['bleu', 'exact_match']);
  });
});

describe('withLabels', () => {
  it('labels scores in a sentence and leaves other words alone', () => {
    expect(withLabels('better than base_bleu in bleu (+61), rougeL (+0.6) and json_valid', ['bleu', 'rougeL', 'json_valid'])).toBe('better than base_bleu in BLEU (+61), ROUGE-L (+0.6) and JSON valid');
  });
});
