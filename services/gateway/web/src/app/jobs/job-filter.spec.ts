import { JobView } from '../api/models';
import { filterJobs, sortJobs } from './job-filter';

const job = (name: string, fields: object = {}): JobView =>
  ({ id: `job_${name}`, name, base_name: 'seedling', base: 'seedling', dataset_name: 'triage', dataset_id: 'ds_1', method: 'lora', hyperparameters: {}, progress: { step: 0, total: 0, percent: 0 }, ...fields }) as unknown as JobView;
const names = (jobs: JobView[]) => jobs.map((each) => each.name);
const jobs = [job('run 10', { loss: 0.5 }), job('run 9', { loss: null, method: 'full' }), job('run 2', { loss: 1.5, base: 'HuggingFaceTB/SmolLM2-135M', base_name: 'SmolLM2', dataset_name: 'sums' })];

describe('filterJobs', () => {
  const filter = (fields: object) => names(filterJobs(jobs, { query: '', method: '', base: '', ...fields }));

  it('finds every word in name, id, dataset and base model', () => {
    expect(filter({ query: 'SUMS smol' })).toEqual(['run 2']);
    expect(filter({ query: 'job_run 9' })).toEqual(['run 9']);
    expect(filter({ query: 'sums seedling' })).toEqual([]);
  });

  it('filters by method and base model', () => {
    expect(filter({ method: 'full' })).toEqual(['run 9']);
    expect(filter({ base: 'seedling', method: 'lora' })).toEqual(['run 10']);
  });
});

describe('sortJobs', () => {
  it('sorts numbers within names by value', () => {
    expect(names(sortJobs(jobs, 'name'))).toEqual(['run 2', 'run 9', 'run 10']);
  });

  it('keeps jobs without a value last in both directions', () => {
    expect(names(sortJobs(jobs, 'loss'))).toEqual(['run 10', 'run 2', 'run 9']);
    expect(names(sortJobs(jobs, '-loss'))).toEqual(['run 2', 'run 10', 'run 9']);
  });

  it('keeps the order for a column that does not exist', () => {
    expect(names(sortJobs(jobs, 'nothing'))).toEqual(['run 10', 'run 9', 'run 2']);
  });
});
