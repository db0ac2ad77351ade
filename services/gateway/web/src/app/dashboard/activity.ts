/** Activity entries as text and link. */
import { ActivityView } from '../api/models';
import { sentenceCase } from '../elements/format';
import { metricLabel } from '../evaluations/metrics';

const PAGES: Record<ActivityView['kind'], string> = {
  dataset: '/datasets',
  job: '/jobs',
  model: '/models',
  evaluation: '/evaluations',
  export: '/exports',
  deployment: '/models',
};
/** What the platform lists, but gives no page of its own. */
const LISTED: ActivityView['kind'][] = ['export', 'deployment'];

/** The event in words, and a link to the page of its subject, or to the list of its kind once it is deleted. */
export function describeActivity(activity: ActivityView): { text: string; link: string[] } {
  const [service = '', event = ''] = activity.event.split('.');
  const list = PAGES[activity.kind];
  const link = LISTED.includes(activity.kind) || activity.deleted || activity.count > 1 ? [list] : [list, activity.subject];
  if (activity.count > 1) return { text: `${activity.count} ${activity.kind}s ${event.replace('model_', '')}`, link };
  // Events about models, such as inference.model_ready, name their subject themselves.
  return { text: sentenceCase(event.startsWith('model_') ? event : `${service} ${event}`), link };
}

/** What the event says further; `bleu 66.76, rougeL 0.61` with the labels of these scores. */
export function activityDetail({ detail, event }: ActivityView): string {
  return event.startsWith('evaluation.completed.') ? (detail ?? '').replaceAll(/\w+(?= )/g, metricLabel) : (detail ?? '');
}
