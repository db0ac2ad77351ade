/** The headline of a job that ended, where its result is not what one hopes for. */
import { JobView, ReportedWarning } from '../api/models';

export interface Verdict {
  heading: string;
  warning: ReportedWarning;
}

/** The warnings that say so, the worst first. */
const HEADINGS: Record<string, string> = {
  diverged: 'Training diverged',
  worse_than_at_the_beginning: 'Worse than the base model at the end',
  hardly_better_than_at_the_beginning: 'Hardly better than the base model',
  empty_answers: 'Some answers are empty',
};

export function verdictOf(job: Pick<JobView, 'warnings'>): Verdict | undefined {
  const code = Object.keys(HEADINGS).find((code) => job.warnings.some((warning) => warning.code === code));
  const warning = job.warnings.find((each) => each.code === code);
  return code && warning ? { heading: HEADINGS[code]!, warning } : undefined;
}
