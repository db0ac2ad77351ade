/** The columns of the table of jobs: the value to sort by, and its text. */
import { JobView } from '../api/models';
import { formatCount, formatDuration, formatMethod, formatMetric } from '../elements/format';

export interface Column {
  name: string;
  label: string;
  numeric: boolean;
  /** What comes first in ascending and in descending order. */
  first: [string, string];
  /** What to sort by; null sorts last. */
  value: (job: JobView) => string | number | null;
  text: (job: JobView) => string;
}

const text = (name: string, label: string, value: (job: JobView) => string, format = (value: string) => value): Column => ({
  ...{ name, label, numeric: false, first: ['A–Z', 'Z–A'], value },
  text: (job) => format(value(job)),
});

const number = (name: string, label: string, value: (job: JobView) => number | null | undefined, format = formatMetric): Column => ({
  ...{ name, label, numeric: true, first: ['lowest first', 'highest first'] },
  value: (job) => value(job) ?? null,
  text: (job) => format(value(job)),
});

const setting = (name: string) => (job: JobView) => job.hyperparameters[name] as number | null | undefined;

export const COLUMNS: Column[] = [
  text('name', 'Name', (job) => job.name),
  text('state', 'State', (job) => job.state),
  text('base', 'Base model', (job) => job.base_name),
  text('method', 'Method', (job) => job.method, formatMethod),
  text('dataset', 'Dataset', (job) => job.dataset_name || job.dataset_id),
  number('loss', 'Last loss', (job) => job.loss),
  number('validation', 'Best validation loss', (job) => job.best_validation_loss),
  number('learning_rate', 'Learning rate', setting('learning_rate')),
  number('batch_size', 'Batch size', setting('batch_size')),
  number('rank', 'LoRA rank', (job) => (job.hyperparameters['lora'] as { rank?: number } | null)?.rank),
  number('epochs', 'Epochs', setting('epochs')),
  { ...number('steps', 'Steps', (job) => job.progress.step, formatCount), text: ({ progress }) => (progress.total ? `${formatCount(progress.step)} of ${formatCount(progress.total)}` : '–') },
  number('duration', 'Duration', jobDuration, formatDuration),
  number('tokens_per_second', 'Tokens/s', (job) => job.tokens_per_second),
  { ...text('created', 'Created', (job) => job.created_at), numeric: true, first: ['oldest first', 'newest first'] },
];

export const DEFAULT_COLUMNS = ['name', 'state', 'base', 'method', 'dataset', 'loss', 'validation', 'learning_rate', 'duration', 'created'];

/** Seconds since the first start, until the end of a job that has ended. */
export function jobDuration(job: JobView): number | null {
  if (!job.started_at) return null;
  const end = job.finished_at ? Date.parse(job.finished_at) : Date.now();
  return (end - Date.parse(job.started_at)) / 1000;
}
