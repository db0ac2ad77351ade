import { EvalView, GraderOutcome, Suite } from '../api/models';
import { meets, readSuite, suiteFor, thresholdText } from './suite';

const OUTCOME: GraderOutcome = {
  grader: 'polite', rows: 24, errored: 0, error: null, current_errored: 0, current_error: null, mean: 0.8, pass_share: 0.9, current_mean: 0.8, current_pass_share: 0.9, paired_rows: 24, difference: 0, low: -0.03, high: 0.03,
};
const SUITE: Suite = { eval_id: 'eval_1', data_source: {}, thresholds: { polite: { min_mean: 0.7, min_pass_share: 0.95 } } };

describe('suite', () => {
  it('reads JSON, and says why it cannot', () => {
    expect(readSuite(' ')).toEqual({ suite: null, error: '' });
    expect(readSuite('[]').error).toContain('must be a JSON object');
    expect(readSuite('{"eval_id": ').error).toContain('not JSON');
    expect(readSuite('{"eval_id": "eval_1"}').suite).toEqual({ eval_id: 'eval_1' });
  });

  it('starts with every criterion of the eval', () => {
    const found = { id: 'eval_1', testing_criteria: [{ name: 'polite' }, { name: 'close' }] } as unknown as EvalView;
    expect(suiteFor(found, 'ds_1')).toMatchObject({ eval_id: 'eval_1', data_source: { source: { id: 'ds_1' } }, thresholds: { polite: { min_mean: 0.7 }, close: { min_mean: 0.7 } } });
  });

  it('says what a criterion must reach, and whether it does', () => {
    expect(thresholdText(SUITE, 'polite')).toBe('mean ≥ 0.7, passed ≥ 95 %');
    expect(thresholdText(SUITE, 'close')).toBe('');
    expect([meets(SUITE, OUTCOME), meets(SUITE, { ...OUTCOME, pass_share: 0.95 })]).toEqual([false, true]);
  });

  it('takes no criterion that could not be graded, and no comparison with a current model that could not', () => {
    const compared = { ...SUITE, thresholds: { polite: { min_mean: -4 } }, max_regression: 0.02 };
    const broken = { ...OUTCOME, low: null, paired_rows: 0, current_errored: 24 };
    expect(meets(compared, { ...OUTCOME, low: 0, errored: 1 })).toBe(false);
    expect([meets(compared, broken), meets({ ...compared, thresholds: {} }, broken)]).toEqual([true, false]);
  });

  it('demands enough paired rows and no larger regression than allowed', () => {
    const strict = { ...SUITE, thresholds: {}, max_regression: 0.02 };
    expect([meets(strict, OUTCOME), meets(strict, { ...OUTCOME, low: -0.01 }), meets(strict, { ...OUTCOME, low: -0.01, paired_rows: 19 })]).toEqual([false, true, false]);
  });
});
