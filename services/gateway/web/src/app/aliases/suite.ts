/** Reads and writes suites, and says what an outcome's criteria had to reach. */
import { EvalView, GraderOutcome, Suite } from '../api/models';

/** Fewer paired rows decide nothing about `max_regression`. */
const MIN_PAIRED_ROWS = 20;

/** The suite in `text`; null if it is empty. `error` says why it cannot be read. */
export function readSuite(text: string): { suite: Suite | null; error: string } {
  if (!text.trim()) return { suite: null, error: '' };
  try {
    const suite: unknown = JSON.parse(text);
    if (typeof suite === 'object' && suite !== null && !Array.isArray(suite)) return { suite: suite as Suite, error: '' };
    return { suite: null, error: 'The suite must be a JSON object: { … }.' };
  } catch (error) {
    return { suite: null, error: `The suite is not JSON: ${(error as Error).message}.` };
  }
}

/** A suite to start from: the dataset's conversations, a mean of 0.7 for each criterion, no regression above 0.02. */
export function suiteFor(found: EvalView, datasetId: string): Suite {
  return {
    eval_id: found.id,
    data_source: {
      type: 'completions',
      source: { type: 'file_id', id: datasetId },
      input_messages: { type: 'item_reference', item_reference: 'item.input' },
      sampling_params: { temperature: 0, max_completion_tokens: 256 },
    },
    thresholds: Object.fromEntries(found.testing_criteria.map((criterion) => [String(criterion['name']), { min_mean: 0.7 }])),
    max_regression: 0.02,
  };
}

/** `mean ≥ 0.7, passed ≥ 95 %`: what one criterion must reach; empty without a threshold. */
export function thresholdText(suite: Suite | null, grader: string): string {
  const threshold = suite?.thresholds?.[grader];
  const parts = [];
  if (threshold?.min_mean != null) parts.push(`mean ≥ ${threshold.min_mean}`);
  if (threshold?.min_pass_share != null) parts.push(`passed ≥ ${formatShare(threshold.min_pass_share)}`);
  return parts.join(', ');
}

/** Whether the results of a criterion are what the suite demands. */
export function meets(suite: Suite | null, outcome: GraderOutcome): boolean {
  const threshold = suite?.thresholds?.[outcome.grader];
  if (outcome.errored && (threshold || suite?.max_regression != null)) return false;
  if (threshold?.min_mean != null && outcome.mean < threshold.min_mean) return false;
  if (threshold?.min_pass_share != null && outcome.pass_share < threshold.min_pass_share) return false;
  if (suite?.max_regression == null) return true;
  if (threshold && outcome.current_errored && outcome.paired_rows < MIN_PAIRED_ROWS && outcome.rows >= MIN_PAIRED_ROWS) return true;
  return outcome.paired_rows >= MIN_PAIRED_ROWS && outcome.low !== null && outcome.low >= -suite.max_regression;
}

/** `95 %`. */
export function formatShare(share: number): string {
  return `${(100 * share).toLocaleString('en', { maximumFractionDigits: 1 })} %`;
}
