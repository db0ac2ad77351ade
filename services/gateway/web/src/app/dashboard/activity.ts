/** Activity entries as text and link. */
import { ActivityView } from '../api/models';
import { sentenceCase } from '../elements/format';

const PAGES: Record<ActivityView['kind'], string | undefined> = {
  dataset: '/datasets',
  job: '/jobs',
  model: '/models',
  evaluation: '/evaluations',
  export: undefined,
  deployment: undefined,
};

/** The event in words, and a link to the page of its subject. */
export function describeActivity(activity: ActivityView): { text: string; link: string[] } {
  const [service = '', event = ''] = activity.event.split('.');
  // Events about models, such as inference.model_ready, name their subject themselves.
  const text = sentenceCase(event.startsWith('model_') ? event : `${service} ${event}`);
  const page = PAGES[activity.kind];
  return { text, link: page && !event.includes('deleted') ? [page, activity.subject] : [activity.kind === 'export' ? '/exports' : '/dashboard'] };
}
