/** Evaluations of several models that were scored on the same rows. */
import { EvaluationView } from '../../api/models';

/** The newest evaluation of each model, grouped by rows and settings; only groups of two models or more. `evaluations` are newest first. */
export function groupBySameRows(evaluations: readonly EvaluationView[]): EvaluationView[][] {
  const groups = new Map<string, Map<string, EvaluationView>>();
  for (const evaluation of evaluations) {
    if (evaluation.state !== 'succeeded') continue;
    const { dataset_id, dataset_version, split, rows, settings, imported } = evaluation;
    const key = JSON.stringify([dataset_id, dataset_version, split, rows, settings.max_new_tokens, imported && { ...imported, version: '', model: '' }]);
    const group = groups.get(key) ?? new Map<string, EvaluationView>();
    if (!group.has(evaluation.model_id)) group.set(evaluation.model_id, evaluation);
    groups.set(key, group);
  }
  return [...groups.values()].map((group) => [...group.values()]).filter((group) => group.length > 1);
}
