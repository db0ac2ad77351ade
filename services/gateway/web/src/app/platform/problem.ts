/** What went wrong, as the platform says it (RFC 9457), whatever shape the failure had on its way here. */
import { HttpErrorResponse } from '@angular/common/http';

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
}

const AWAY: Problem = {
  status: 0,
  code: 'platform_away',
  title: 'The platform does not answer',
  detail: 'No answer came from the platform.',
  remedy: 'Check that it runs (make up, or anneal up). This page goes on by itself once it is back.',
};

/** The problem of any failure: an HTTP error, a body of problem+json or of OpenAI's shape, or an exception. */
export function problemOf(failure: unknown): Problem {
  if (failure instanceof HttpErrorResponse) {
    return failure.status === 0 ? AWAY : fromBody(failure.error, failure.status);
  }
  if (failure instanceof TypeError) return AWAY;
  return unforeseen(0, failure instanceof Error ? failure.message : String(failure));
}

/** The problem in the body of an answer with an error status. */
export function fromBody(body: unknown, status: number): Problem {
  const parsed = typeof body === 'string' ? parse(body) : body;
  if (!isRecord(parsed)) return unforeseen(status, `The platform answered with status ${status}.`);
  if (isRecord(parsed['error'])) return fromOpenAI(parsed['error'], status);
  if (typeof parsed['detail'] !== 'string') return unforeseen(status, `The platform answered with status ${status}.`);
  return { title: 'Something failed', code: 'unknown', ...parsed, status } as Problem;
}

function fromOpenAI(error: Record<string, unknown>, status: number): Problem {
  const remedy = typeof error['remedy'] === 'string' ? error['remedy'] : undefined;
  const message = String(error['message'] ?? '');
  return {
    status,
    code: String(error['code'] ?? 'unknown'),
    title: sentence(String(error['code'] ?? 'Something failed')),
    detail: remedy && message.endsWith(remedy) ? message.slice(0, -remedy.length).trim() : message,
    field: (error['param'] as string | null) ?? undefined,
    limit: error['limit'],
    remedy,
    trace_id: error['trace_id'] as string | undefined,
  };
}

function unforeseen(status: number, detail: string): Problem {
  return { status, code: 'unknown', title: 'Something failed', detail };
}

function sentence(code: string): string {
  const words = code.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
