/** The evaluation metrics: labels, help texts, and whether higher or lower is better. */
import { sentenceCase } from '../elements/format';

export interface Metric {
  name: 'bleu' | 'rouge' | 'chrf' | 'token_f1' | 'perplexity' | 'exact_match' | 'number_match' | 'json' | 'classification';
  label: string;
  help: string;
}

export const METRICS: Metric[] = [
  { name: 'bleu', label: 'BLEU', help: 'n-gram overlap with the reference, 0–100' },
  { name: 'rouge', label: 'ROUGE', help: 'overlap with the reference, 0–1' },
  { name: 'chrf', label: 'chrF', help: 'character n-gram overlap with the reference, 0–100' },
  { name: 'token_f1', label: 'Token F1', help: 'words shared with the reference, 0–1' },
  { name: 'perplexity', label: 'Perplexity', help: 'how well the model predicts the reference; lower is better' },
  { name: 'exact_match', label: 'Exact match', help: 'share of answers equal to the reference, 0–1' },
  { name: 'number_match', label: 'Number match', help: 'share of answers with the final number of the reference, 0–1' },
  { name: 'json', label: 'JSON', help: 'share of valid JSON answers and of right fields, 0–1' },
  { name: 'classification', label: 'Classification', help: 'accuracy and macro F1 of labels, 0–1' },
];

export function metricLabel(score: string): string {
  return METRICS.find((metric) => metric.name === score)?.label ?? sentenceCase(score).replace(/^Rouge/, 'ROUGE-').replace(/^Json/, 'JSON').replace('f1', 'F1');
}

export function isLowerBetter(score: string): boolean {
  return /perplexity|loss/.test(score);
}

/** Whether the fine-tuned model's score is better than, worse than or the same as the base model's. */
export function compareScores(score: string, tuned: number, base: number): 'better' | 'worse' | 'same' {
  if (tuned === base) return 'same';
  return tuned > base !== isLowerBetter(score) ? 'better' : 'worse';
}
