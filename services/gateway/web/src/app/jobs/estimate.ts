/** How long a job may take, judged by the last finished one on the same base with the same method. */
import { JobView, TrainingRequest } from '../api/models';

export interface Estimate {
  seconds: number;
  steps: number;
  /** The job that it was judged by. */
  like: JobView;
}

/** The number of optimizer steps of a job on `rows` training rows. */
export function stepsOf(settings: { max_steps?: number | null; epochs?: number | null; batch_size?: number | null }, rows: number): number | undefined {
  if (settings.max_steps) return settings.max_steps;
  if (!settings.epochs || !settings.batch_size) return undefined;
  return Math.max(1, Math.ceil(settings.epochs * Math.ceil(rows / settings.batch_size)));
}

/** Undefined where no finished job is like it. A step is taken to cost in proportion to its rows. */
export function estimate(request: TrainingRequest, rows: number, jobs: JobView[]): Estimate | undefined {
  const like = jobs.find((job) => job.state === 'succeeded' && job.base === request.base && job.method === request.method && job.started_at && job.finished_at);
  if (!like) return undefined;
  const then = like.hyperparameters;
  const taken = stepsOf(then, rows);
  const chosen = { batch_size: request.batch_size ?? then['batch_size'], max_steps: request.max_steps, epochs: request.epochs };
  const left = chosen.max_steps || chosen.epochs ? chosen : { ...chosen, max_steps: then['max_steps'], epochs: then['epochs'] };
  const steps = stepsOf(left, rows);
  if (!taken || !steps) return undefined;
  const spent = (Date.parse(like.finished_at as string) - Date.parse(like.started_at as string)) / 1000;
  return { seconds: (spent / taken) * steps * (chosen.batch_size / then['batch_size']), steps, like };
}
