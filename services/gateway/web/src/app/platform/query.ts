/** Server state as signals: cached across pages, polled, refetched after a reconnect, with optimistic updates. */
import { DestroyRef, effect, inject, Injectable, signal, Signal, untracked } from '@angular/core';

import { Connection } from './connection';
import { Problem, toProblem } from './problem';

/** The state of one query. `value` keeps the previous response during a refetch, so that the layout does not shift. */
export interface Query<T> {
  readonly value: Signal<T | undefined>;
  readonly problem: Signal<Problem | undefined>;
  readonly loading: Signal<boolean>;
  refetch(): void;
  set(value: T): void;
  /** Applies `update` to the value while `request` runs, rolls back if it fails, then refetches. */
  updateOptimistically(update: (value: T) => T, request: () => Promise<unknown>): Promise<void>;
}

export interface QueryOptions<T> {
  /** The cache key: a query with the same key shows the cached response at once. */
  key: string;
  fetch: () => Promise<T>;
}

@Injectable({ providedIn: 'root' })
class QueryCache {
  readonly responses = new Map<string, unknown>();
}

const UNAVAILABLE_RETRY_MS = 3000;

/** 503 is temporary by definition. */
function retryUnavailable(problem: Problem): number | null {
  return problem.status === 503 ? UNAVAILABLE_RETRY_MS : null;
}

/**
 * Fetches what `options` describes and refetches whenever a signal that it reads changes. `pollInterval` and `retryDelay`
 * return the milliseconds until the next fetch after a response or a problem; null stops. Call it in an injection context.
 */
export function injectQuery<T>(options: () => QueryOptions<T> | undefined, pollInterval: (value: T) => number | null = () => null, retryDelay = retryUnavailable): Query<T> {
  const cache = inject(QueryCache).responses;
  const connection = inject(Connection);
  const value = signal<T | undefined>(undefined);
  const problem = signal<Problem | undefined>(undefined);
  const loading = signal(false);
  const refetchCount = signal(0);
  let timer: ReturnType<typeof setTimeout> | undefined;
  // Responses to an earlier request are dropped.
  let latestRequest = 0;
  let key: string | undefined;

  async function run(query: QueryOptions<T>, request: number): Promise<void> {
    loading.set(true);
    try {
      const response = await query.fetch();
      if (request !== latestRequest) return;
      cache.set(query.key, response);
      value.set(response);
      problem.set(undefined);
      schedule(query, pollInterval(response), request);
    } catch (failure) {
      if (request !== latestRequest) return;
      const reported = toProblem(failure);
      problem.set(reported);
      schedule(query, retryDelay(reported), request);
    } finally {
      if (request === latestRequest) loading.set(false);
    }
  }

  function schedule(query: QueryOptions<T>, delay: number | null, request: number): void {
    if (delay === null) return;
    timer = setTimeout(() => (document.hidden ? schedule(query, delay, request) : void run(query, request)), delay);
  }

  effect(() => {
    const query = options();
    refetchCount();
    connection.refetchCount();
    clearTimeout(timer);
    const request = ++latestRequest;
    untracked(() => {
      if (!query) return loading.set(false);
      if (query.key !== key) value.set(cache.get((key = query.key)) as T | undefined);
      if (connection.signedOut()) return;
      void run(query, request);
    });
  });
  inject(DestroyRef).onDestroy(() => {
    latestRequest++;
    clearTimeout(timer);
  });
  const refetch = () => refetchCount.update((count) => count + 1);
  const set = (updated: T) => {
    value.set(updated);
    if (key) cache.set(key, updated);
  };
  async function updateOptimistically(update: (value: T) => T, request: () => Promise<unknown>): Promise<void> {
    const previous = untracked(value);
    latestRequest++; // a pending response would show the previous value
    clearTimeout(timer);
    if (previous !== undefined) set(update(previous));
    try {
      await request();
    } catch (failure) {
      if (previous !== undefined) set(previous);
      throw failure;
    } finally {
      refetch();
    }
  }

  return { value, problem, loading, refetch, set, updateOptimistically };
}
