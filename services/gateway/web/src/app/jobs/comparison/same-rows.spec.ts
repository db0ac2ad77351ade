import { EvaluationView } from '../../api/models';
import { groupBySameRows } from './same-rows';

const evaluation = (id: string, model_id: string, fields: object = {}): EvaluationView =>
  ({ id, model_id, state: 'succeeded', dataset_id: 'ds_1', dataset_version: 'v1', split: 'validation', rows: 20, settings: { max_new_tokens: 64 }, ...fields }) as unknown as EvaluationView;

describe('groupBySameRows', () => {
  it('groups the newest evaluation of each model by its rows and settings', () => {
    const groups = groupBySameRows([evaluation('e1', 'a'), evaluation('e2', 'a'), evaluation('e3', 'b'), evaluation('e4', 'b', { split: 'test' }), evaluation('e5', 'c', { state: 'failed' })]);
    expect(groups.map((group) => group.map((each) => each.id))).toEqual([['e1', 'e3']]);
  });

  it('groups imports by task and its hash, whichever version of the tool scored them', () => {
    const imported = (task: string, version: string) => ({ dataset_id: null, imported: { source: 'lm-eval', task, task_hash: 'h', version, model: version } });
    const groups = groupBySameRows([evaluation('e1', 'a', imported('gsm8k', '1')), evaluation('e2', 'b', imported('gsm8k', '2')), evaluation('e3', 'c', imported('arc', '1')), evaluation('e4', 'c', { dataset_id: null })]);
    expect(groups.map((group) => group.map((each) => each.id))).toEqual([['e1', 'e2']]);
  });
});
