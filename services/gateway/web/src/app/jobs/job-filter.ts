/** Which jobs the table shows, and in which order. */
import { JobView } from '../api/models';
import { COLUMNS } from './job-columns';

export interface JobFilter {
  query: string;
  method: string;
  base: string;
}

/** The jobs that match; the query is found in names, ids, datasets and base models, whatever the case. */
export function filterJobs(jobs: readonly JobView[], { query, method, base }: JobFilter): JobView[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return jobs.filter((job) => {
    if ((method && job.method !== method) || (base && job.base_name !== base)) return false;
    const searched = [job.name, job.id, job.dataset_name, job.dataset_id, job.base_name, job.base, job.model_id].join(' ').toLowerCase();
    return words.every((word) => searched.includes(word));
  });
}

/** A new array ordered by a column's name, descending with a leading minus. Jobs without a value come last. */
export function sortJobs(jobs: readonly JobView[], sort: string): JobView[] {
  const descending = sort.startsWith('-');
  const column = COLUMNS.find((each) => each.name === sort.slice(Number(descending)));
  if (!column) return [...jobs];
  const rows = jobs.map((job) => ({ job, value: column.value(job) }));
  rows.sort((a, b) => {
    if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
    const order = typeof a.value === 'number' ? a.value - (b.value as number) : a.value.localeCompare(b.value as string, 'en', { numeric: true });
    return descending ? -order : order;
  });
  return rows.map((row) => row.job);
}
