/** The metrics as people know them: what they say, and which way is better. */
export interface Metric {
  name: 'bleu' | 'rouge' | 'perplexity' | 'exact_match';
  label: string;
  help: string;
}

export const METRICS: Metric[] = [
  { name: 'bleu', label: 'BLEU', help: 'word sequences in common with the reference, 0–100' },
  { name: 'rouge', label: 'ROUGE', help: 'share of the reference that the answer covers, 0–1' },
  { name: 'perplexity', label: 'Perplexity', help: 'how surprised the model is by the reference; lower is better' },
  { name: 'exact_match', label: 'Exact match', help: 'share of answers equal to the reference, 0–1' },
];

export function label(score: string): string {
  return METRICS.find((metric) => metric.name === score)?.label ?? score.replace(/^rouge/i, 'ROUGE-').replaceAll('_', ' ');
}

/** True where less is better. */
export function lowerIsBetter(score: string): boolean {
  return /perplexity|loss/.test(score);
}

/** Whether the tuned model is better, worse or the same as its base. */
export function verdict(score: string, tuned: number, base: number): 'better' | 'worse' | 'same' {
  if (tuned === base) return 'same';
  return tuned > base !== lowerIsBetter(score) ? 'better' : 'worse';
}
