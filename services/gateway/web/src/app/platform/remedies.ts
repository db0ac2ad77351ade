/** What a person at a page can do about a problem: the API's remedies name requests. */
import { Problem } from './problem';

/** Remedies by the code of the problem. */
export type Remedies = Record<string, string>;

const REQUEST = /\b(GET|POST|PUT|PATCH|DELETE)\b/;

/** The problem with the page's remedy; one that names a request is left out. */
export function withRemedy(problem: Problem, remedies: Remedies = {}): Problem {
  const remedy = remedies[problem.code] ?? (problem.remedy && REQUEST.test(problem.remedy) ? undefined : problem.remedy);
  return { ...problem, remedy };
}
