/** What a person at a page can do about a problem: the API's remedies name requests, and pages stand for them. */
import type { Problem } from './problem';

/** Remedies of a page by the code of the problem. */
export type Remedies = Record<string, string>;

/** The page that stands for the requests below a path; the first match counts. */
const PAGES: [string, string][] = [
  ['/datasets', 'Datasets'],
  ['/models', 'Models'],
  ['/v1/models', 'Models'],
  ['/deployments', 'Models'],
  ['/training', 'Training'],
  ['/evaluations', 'Evaluation'],
  ['/aliases', 'Aliases'],
  ['/exports', 'Export'],
  ['/feedback', 'Playground'],
  ['/webhooks', 'Webhooks'],
  ['/auth/projects', 'Members'],
  ['/auth/session', 'Members'],
  ['/auth', 'Settings'],
  ['/readyz', 'Settings'],
  ['/events/dead', 'Settings'],
];
const REQUEST = /\b(?:GET|POST|PUT|PATCH|DELETE) (\/[\w/{}<>@.-]*[\w}>])/g;
const VERB = /\b(GET|POST|PUT|PATCH|DELETE)\b/;

/** The text with pages in the place of requests; undefined if a request is left that no page stands for. */
export function forPages(text: string): string | undefined {
  const replaced = text.replace(REQUEST, (request, path: string) => {
    const page = PAGES.find(([prefix]) => path.startsWith(prefix))?.[1];
    return page ? `the page ${page}` : request;
  });
  return VERB.test(replaced) ? undefined : replaced.replace(/(^|\. )the page/g, '$1The page');
}

/** The problem with the page's own remedy for its code, where it has one. */
export function withRemedy(problem: Problem, remedies: Remedies): Problem {
  return { ...problem, remedy: remedies[problem.code] ?? problem.remedy };
}
