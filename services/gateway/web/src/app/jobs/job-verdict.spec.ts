import { ReportedWarning } from '../api/models';
import { verdictOf } from './job-verdict';

const warning = (code: string): ReportedWarning => ({ code, detail: code, count: null, example: null, remedy: null });

describe('verdictOf', () => {
  it('names the worst of the warnings about the result', () => {
    expect(verdictOf({ warnings: [warning('rows_truncated'), warning('empty_answers'), warning('diverged')] })?.heading).toBe('Training diverged');
  });

  it('has none for a job that learned', () => {
    expect(verdictOf({ warnings: [warning('rows_truncated')] })).toBeUndefined();
  });
});
