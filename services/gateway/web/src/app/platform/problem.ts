/** Problem details (RFC 9457) from any failure: an HTTP error, an OpenAI error body or an exception. */
import { HttpErrorResponse } from '@angular/common/http';

import { sentenceCase } from '../elements/format';
import { forPages } from './remedies';

export interface Problem {
  status: number;
  code: string;
  title: string;
  detail: string;
  field?: string;
  limit?: unknown;
  remedy?: string;
  trace_id?: string;
  report?: { rejected_rows?: { file: string; line: number; reason: string }[] };
  columns?: string[];
  /** The dataset that keeps a rejected upload. */
  dataset_id?: string;
}

const UNKNOWN_TITLE = 'Something went wrong';
const UNREACHABLE: Problem = {
  status: 0,
  code: 'unreachable',
  title: "Can't reach the platform",
  detail: 'The platform did not respond.',
  remedy: 'Check that it is running (make up or anneal up). This page reconnects automatically.',
};

/** The problem behind any failure. */
export function toProblem(failure: unknown): Problem {
  if (failure instanceof HttpErrorResponse) {
    return failure.status === 0 ? UNREACHABLE : problemFromBody(failure.error, failure.status);
  }
  if (failure instanceof TypeError) return UNREACHABLE;
  return unknownProblem(0, failure instanceof Error ? failure.message : String(failure));
}

/** The problem in the body of an error response: problem+json or OpenAI's format. */
export function problemFromBody(body: unknown, status: number): Problem {
  const problem = readBody(typeof body === 'string' ? parseJson(body) : body, status);
  return { ...problem, remedy: problem.remedy && forPages(problem.remedy) };
}

function readBody(body: unknown, status: number): Problem {
  if (isRecord(body) && isRecord(body['error'])) return fromOpenAI(body['error'], status);
  if (!isRecord(body) || typeof body['detail'] !== 'string') return unknownProblem(status, `The platform responded with status ${status}.`);
  return { title: UNKNOWN_TITLE, code: 'unknown', ...body, status } as Problem;
}

function fromOpenAI(error: Record<string, unknown>, status: number): Problem {
  const remedy = typeof error['remedy'] === 'string' ? error['remedy'] : undefined;
  const message = String(error['message'] ?? '');
  return {
    status,
    code: String(error['code'] ?? 'unknown'),
    title: error['code'] ? sentenceCase(String(error['code'])) : UNKNOWN_TITLE,
    // The platform appends the remedy to the message for OpenAI clients, which show only the message.
    detail: remedy && message.endsWith(remedy) ? message.slice(0, -remedy.length).trim() : message,
    field: (error['param'] as string | null) ?? undefined,
    limit: error['limit'],
    remedy,
    trace_id: error['trace_id'] as string | undefined,
  };
}

function unknownProblem(status: number, detail: string): Problem {
  return { status, code: 'unknown', title: UNKNOWN_TITLE, detail };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
