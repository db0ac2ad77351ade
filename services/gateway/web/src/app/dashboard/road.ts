/** The road from a file to a model that answers, and how far this project is on it. */
import { ActivityView, Overview } from '../api/models';

export interface Step {
  name: string;
  help: string;
  path: string;
  query?: Record<string, string>;
  done: boolean;
}

/** `chatted`: whether this browser has had an answer in the playground. */
export function stepsOf(overview: Overview, dataset: string | undefined, chatted: boolean): Step[] {
  const jobs = Object.values(overview.jobs).reduce((sum, count) => sum + count, 0);
  return [
    { name: 'Upload a dataset', help: 'your own file, or the sample triage.jsonl', path: '/datasets', done: overview.datasets > 0 },
    { name: 'Train a model on it', help: 'LoRA on the bundled seedling takes a minute', path: '/jobs/new', query: dataset ? { dataset } : undefined, done: jobs > 0 },
    { name: 'See how good it is', help: 'beside its base, on rows it has never seen', path: '/evaluations', done: overview.evaluations > 0 },
    { name: 'Take it away', help: 'as safetensors or ONNX, checked', path: '/exports', done: overview.exports > 0 },
    { name: 'Chat with it', help: 'the base answers beside it', path: '/playground', done: chatted },
  ];
}

const PAGES: Record<ActivityView['kind'], string | undefined> = {
  dataset: '/datasets',
  job: '/jobs',
  model: '/models',
  evaluation: '/evaluations',
  export: undefined,
  deployment: undefined,
};

/** One line of activity: what happened, and the page of what it happened to. */
export function describe(activity: ActivityView): { text: string; link: string[] } {
  const [kind, fact] = activity.event.split('.');
  const words = (fact ?? '').replaceAll('_', ' ');
  const page = PAGES[activity.kind];
  const text = `${kind === 'inference' ? 'deployment' : kind} ${words}`;
  return { text, link: page && !fact?.includes('deleted') ? [page, activity.subject] : [activity.kind === 'export' ? '/exports' : '/dashboard'] };
}
