/** The events that a webhook can get, in groups. */
import { NewWebhook } from '../api/models';

export type EventType = NewWebhook['event_types'][number];

/** The group of every event; an event that the API adds fails the build until it has one. */
const GROUPS: Record<EventType, string> = {
  'training.requested.v1': 'Training jobs',
  'fine_tuning.job.succeeded': 'Training jobs',
  'fine_tuning.job.failed': 'Training jobs',
  'fine_tuning.job.cancelled': 'Training jobs',
  'dataset.ready.v1': 'Datasets',
  'dataset.rejected.v1': 'Datasets',
  'dataset.deleted.v1': 'Datasets',
  'dataset.import_succeeded.v1': 'Datasets',
  'dataset.import_failed.v1': 'Datasets',
  'evaluation.completed.v1': 'Evaluations',
  'evaluation.failed.v1': 'Evaluations',
  'evaluation.deleted.v1': 'Evaluations',
  'eval.run.succeeded': 'Evaluations',
  'eval.run.failed': 'Evaluations',
  'eval.run.canceled': 'Evaluations',
  'alias.candidate_decided.v1': 'Aliases',
  'alias.created.v1': 'Aliases',
  'alias.promoted.v1': 'Aliases',
  'alias.rolled_back.v1': 'Aliases',
  'training.base_model_ready.v1': 'Models',
  'training.base_model_failed.v1': 'Models',
  'training.checkpoint_published.v1': 'Models',
  'training.model_renamed.v1': 'Models',
  'training.model_deleted.v1': 'Models',
  'export.completed.v1': 'Exports',
  'export.failed.v1': 'Exports',
  'export.deleted.v1': 'Exports',
  'inference.model_ready.v1': 'Deployments',
  'inference.model_undeployed.v1': 'Deployments',
};

export const EVENT_GROUPS = [...new Set(Object.values(GROUPS))].map((label) => ({
  label,
  types: (Object.keys(GROUPS) as EventType[]).filter((type) => GROUPS[type] === label),
}));
