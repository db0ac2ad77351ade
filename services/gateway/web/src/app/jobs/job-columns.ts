/** The columns and filters of the table of jobs. */
import { JobView } from '../api/models';
import { formatCount, formatDuration, formatMethod } from '../elements/format';
import { Column, Filter, numberColumn, stateColumn, textColumn, timeColumn } from '../table/columns';

const STATES = ['running', 'queued', 'paused', 'succeeded', 'failed', 'cancelled'];

const setting = (name: string) => (job: JobView) => job.hyperparameters[name] as number | null | undefined;

export const COLUMNS: Column<JobView>[] = [
  textColumn('name', 'Name', (job) => job.name, { link: (job) => ['/jobs', job.id] }),
  stateColumn((job) => (job.wanted === 'cancel' && job.state === 'running' ? 'cancelling' : job.state), (job) => job.warnings),
  textColumn('base', 'Base model', (job) => job.base_name),
  textColumn('method', 'Method', (job) => job.method, { format: formatMethod }),
  textColumn('dataset', 'Dataset', (job) => job.dataset_name || job.dataset_id, { link: (job) => ['/datasets', job.dataset_id] }),
  numberColumn('loss', 'Last loss', (job) => job.loss),
  numberColumn('validation', 'Best validation loss', (job) => job.best_validation_loss),
  numberColumn('learning_rate', 'Learning rate', setting('learning_rate')),
  numberColumn('batch_size', 'Batch size', setting('batch_size')),
  numberColumn('rank', 'LoRA rank', (job) => (job.hyperparameters['lora'] as { rank?: number } | null)?.rank),
  numberColumn('epochs', 'Epochs', setting('epochs')),
  { ...numberColumn<JobView>('steps', 'Steps', (job) => job.progress.step, formatCount), text: ({ progress }) => (progress.total ? `${formatCount(progress.step)} of ${formatCount(progress.total)}` : '–') },
  numberColumn('duration', 'Duration', jobDuration, formatDuration),
  numberColumn('tokens_per_second', 'Tokens/s', (job) => job.tokens_per_second),
  textColumn('tags', 'Tags', (job) => job.tags.join(', ')),
  timeColumn('created', 'Created', (job) => job.created_at),
];

export const DEFAULT_COLUMNS = ['name', 'state', 'base', 'method', 'dataset', 'loss', 'validation', 'learning_rate', 'duration', 'created'];

export const FILTERS: Filter<JobView>[] = [
  { name: 'state', all: 'All states', value: (job) => job.state, values: STATES },
  { name: 'method', all: 'All methods', value: (job) => job.method, format: formatMethod },
  { name: 'base', all: 'All base models', value: (job) => job.base_name },
  { name: 'tag', all: 'All tags', value: (job) => job.tags },
];

/** What a search looks into. */
export function searchedText(job: JobView): string {
  return [job.name, job.id, job.dataset_name, job.dataset_id, job.base_name, job.base, job.model_id, ...job.tags].join(' ');
}

/** Seconds since the first start, until the end of a job that has ended. */
export function jobDuration(job: JobView): number | null {
  if (!job.started_at) return null;
  const end = job.finished_at ? Date.parse(job.finished_at) : Date.now();
  return (end - Date.parse(job.started_at)) / 1000;
}
