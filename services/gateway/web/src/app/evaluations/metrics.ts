/** The evaluation metrics: labels, help texts, and whether higher or lower is better. */
import { EvaluationView } from '../api/models';
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

/** The text with the labels of these scores in place of their names. */
export function withLabels(text: string, scores: readonly string[]): string {
  return text.replaceAll(/\w+/g, (word) => (scores.includes(word) ? metricLabel(word) : word));
}

/** Scores of answers that are right or wrong: labels, JSON, numbers. */
const EXACT = ['accuracy', 'macro_f1', 'json_fields', 'number_match', 'exact_match', 'json_valid'];

/** The names of scores, the most telling one first: where answers are labels, JSON or numbers, the exact ones. */
export function orderScores(names: readonly string[]): string[] {
  const exact = EXACT.filter((name) => names.includes(name));
  const isExact = exact.some((name) => name !== 'exact_match');
  return isExact ? [...exact, ...names.filter((name) => !exact.includes(name))] : [...names];
}

export function isLowerBetter(score: string): boolean {
  return /perplexity|loss/.test(score);
}

/** The highest score that a bar must show: the end of the metric's range, or the highest value where that is higher. */
export function scaleOf(score: string, { scores, base_scores, intervals, base_intervals }: Pick<EvaluationView, 'scores' | 'base_scores' | 'intervals' | 'base_intervals'>): number {
  const values = [scores[score], base_scores[score], intervals[score]?.[1], base_intervals[score]?.[1]].filter((value) => value !== undefined);
  const end = isLowerBetter(score) ? Number.MIN_VALUE : score === 'bleu' || score === 'chrf' ? 100 : 1;
  return Math.max(end, ...values);
}

/** The order of rows in which the failures by a score come first. */
export function failuresFirst(score: string, lowerIsBetter: readonly string[] = []): string {
  return isLowerBetter(score) || lowerIsBetter.includes(score) ? `-${score}` : score;
}
