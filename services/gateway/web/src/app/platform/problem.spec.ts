import { HttpErrorResponse } from '@angular/common/http';

import { problemFromBody, toProblem } from './problem';

describe('toProblem', () => {
  it('keeps the problem details of the response', () => {
    const error = { title: 'Not found', detail: 'There is no such job.', code: 'not_found', remedy: 'List the jobs.', trace_id: 'abc' };
    const problem = toProblem(new HttpErrorResponse({ status: 404, error }));
    expect(problem).toMatchObject({ status: 404, remedy: 'List the jobs.', trace_id: 'abc' });
  });

  it('reports an unreachable platform and how to start it', () => {
    expect(toProblem(new HttpErrorResponse({ status: 0 }))).toMatchObject({ code: 'unreachable' });
    expect(toProblem(new TypeError('Failed to fetch')).remedy).toContain('make up');
  });

  it("reads OpenAI's error format without repeating the remedy", () => {
    const body = JSON.stringify({ error: { message: 'No such model. List them.', code: 'model_not_found', remedy: 'List them.' } });
    expect(problemFromBody(body, 404)).toMatchObject({ detail: 'No such model.', remedy: 'List them.', title: 'Model not found' });
  });

  it('accepts a body that is not a problem document', () => {
    expect(problemFromBody('<html>', 502)).toMatchObject({ status: 502, detail: 'The platform responded with status 502.' });
  });
});
