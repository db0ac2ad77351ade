import { JobView } from '../api/models';
import { endedJobs } from './job-notifications';

const job = (id: string, state: string) => ({ id, state }) as JobView;

describe('endedJobs', () => {
  it('are those that ran before, not those that had ended or still run', () => {
    const jobs = [job('ended', 'succeeded'), job('failed', 'failed'), job('running', 'running'), job('old', 'succeeded')];
    expect(endedJobs(new Set(['ended', 'failed', 'running']), jobs).map(({ id }) => id)).toEqual(['ended', 'failed']);
  });
});
