import { HttpErrorResponse } from '@angular/common/http';

import { fromBody, problemOf } from './problem';

describe('problemOf', () => {
  it('carries what the platform says', () => {
    const error = { title: 'Not found', detail: 'There is no such job.', code: 'not_found', remedy: 'List the jobs.', trace_id: 'abc' };
    const problem = problemOf(new HttpErrorResponse({ status: 404, error }));
    expect(problem).toMatchObject({ status: 404, remedy: 'List the jobs.', trace_id: 'abc' });
  });

  it('says that the platform is away, and what to do', () => {
    expect(problemOf(new HttpErrorResponse({ status: 0 }))).toMatchObject({ code: 'platform_away' });
    expect(problemOf(new TypeError('Failed to fetch')).remedy).toContain('make up');
  });

  it("understands OpenAI's shape without saying the remedy twice", () => {
    const body = JSON.stringify({ error: { message: 'No such model. List them.', code: 'model_not_found', remedy: 'List them.' } });
    expect(fromBody(body, 404)).toMatchObject({ detail: 'No such model.', remedy: 'List them.', title: 'Model not found' });
  });

  it('survives a body that is no problem', () => {
    expect(fromBody('<html>', 502)).toMatchObject({ status: 502, detail: 'The platform answered with status 502.' });
  });
});
