import { withRemedy } from './remedies';

const PROBLEM = { status: 409, code: 'outdated', title: 'Outdated', detail: 'It has changed.' };

describe('withRemedy', () => {
  it("takes the page's remedy, and leaves out one that names a request", () => {
    const request = { ...PROBLEM, remedy: 'GET the alias first.' };
    expect(withRemedy(request).remedy).toBeUndefined();
    expect(withRemedy(request, { outdated: 'Reload the page.' }).remedy).toBe('Reload the page.');
    expect(withRemedy({ ...PROBLEM, remedy: 'Use another name.' }).remedy).toBe('Use another name.');
  });
});
