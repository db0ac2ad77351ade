import { EvaluationView } from '../../api/models';
import { groupBySameRows } from './same-rows';

const evaluation = (id: string, model_id: string, fields: object = {}): EvaluationView =>
  ({ id, model_id, state: 'succeeded', dataset_id: 'ds_1', dataset_version: 'v1', split: 'validation', rows: 20, settings: { max_new_tokens: 64 }, ...fields }) as unknown as EvaluationView;

describe('groupBySameRows', () => {
  it('groups the newest evaluation of each model by its rows and settings', () => {
    const groups = groupBySameRows([evaluation('e1', 'a'), evaluation('e2', 'a'), evaluation('e3', 'b'), evaluation('e4', 'b', { split: 'test' }), evaluation('e5', 'c', { state: 'failed' })]);
    expect(groups.map((group) => group.map((each) => each.id))).toEqual([['e1', 'e3']]);
  });
});
