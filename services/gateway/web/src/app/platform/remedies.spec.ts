import { forPages, withRemedy } from './remedies';

describe('forPages', () => {
  it('names pages instead of requests', () => {
    expect(forPages('GET /models/custom lists the models of this project.')).toBe('The page Models lists the models of this project.');
    expect(forPages('Try again in a moment; GET /readyz names what is down.')).toBe('Try again in a moment; the page Settings names what is down.');
    expect(forPages('GET /aliases/alias_1/candidates lists them.')).toBe('The page Aliases lists them.');
    expect(forPages('Use another name.')).toBe('Use another name.');
  });

  it('leaves out what only a request can do', () => {
    expect(forPages('POST /v1/evals/eval_1/runs/run_1/cancel first.')).toBeUndefined();
    expect(forPages('GET the alias, and send the rollback again.')).toBeUndefined();
  });
});

describe('withRemedy', () => {
  it("prefers the page's remedy for the code", () => {
    const problem = { status: 409, code: 'outdated', title: 'Outdated', detail: 'It has changed.', remedy: 'Use another name.' };
    expect(withRemedy(problem, { outdated: 'Reload the page.' }).remedy).toBe('Reload the page.');
    expect(withRemedy(problem, {}).remedy).toBe('Use another name.');
  });
});
