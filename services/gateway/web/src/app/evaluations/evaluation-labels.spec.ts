import { evaluationLabels } from './evaluation-labels';

describe('evaluationLabels', () => {
  it('numbers evaluations of models with the same name', () => {
    const evaluations = [
      { evaluation_id: 'a', model_id: 'model_1' },
      { evaluation_id: 'b', model_id: 'model_2' },
      { evaluation_id: 'c', model_id: 'model_1' },
    ];
    const labels = evaluationLabels(evaluations, (id) => (id === 'model_1' ? 'triage' : 'faq'));
    expect([...labels]).toEqual([['a', 'triage (1)'], ['b', 'faq'], ['c', 'triage (2)']]);
  });
});
