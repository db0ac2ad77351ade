/** Whole lists: the first page is shown at once and polled, the further ones are loaded behind it. */
import { computed, DestroyRef, effect, inject, signal, Signal, untracked } from '@angular/core';

import { FetchPage, Page } from './paged-query';
import { Problem, toProblem } from './problem';
import { injectQuery } from './query';
import { viewState } from './view-state';

/** More than these are not loaded: a table says so. */
export const MAX_LISTED = 10_000;

export interface List<T> {
  /** What is loaded, in the order of the platform; undefined before the first page. */
  readonly items: Signal<T[] | undefined>;
  readonly problem: Signal<Problem | undefined>;
  /** Whether further pages are being loaded. */
  readonly loading: Signal<boolean>;
  /** Whether the platform has more than what is loaded. */
  readonly more: Signal<boolean>;
  refetch(): void;
  /** Takes deleted items off the list before the next response. */
  remove(ids: readonly string[]): void;
}

/** The known items after a first page: new and changed ones are in it, and what it no longer names is gone. Undefined where the page and what is known do not meet. */
export function mergeFirstPage<T extends { id: string }>(known: readonly T[], page: Page<T>): T[] | undefined {
  if (!page.next_cursor) return page.items;
  const inPage = new Set(page.items.map((item) => item.id));
  const last = known.findLastIndex((item) => inPage.has(item.id));
  return last < 0 ? undefined : [...page.items, ...known.slice(last + 1)];
}

/** `fetch` gets the page after a cursor, `pollInterval` the milliseconds until the first one is fetched again. Call it in an injection context. */
export function injectList<T extends { id: string }>(key: string, fetch: FetchPage<T>, pollInterval?: (page: Page<T>) => number | null): List<T> {
  const known = viewState<T[] | undefined>(`list.${key}`, undefined);
  const walkProblem = signal<Problem | undefined>(undefined);
  const loading = signal(false);
  const more = signal(false);
  let state: 'partial' | 'loading' | 'complete' = 'partial';
  let latestWalk = 0;
  const first = injectQuery(() => ({ key: `list/${key}`, fetch: () => fetch() }), pollInterval);

  /** Loads the pages after the first one; what they bring replaces what was known. */
  async function walk(page: Page<T>): Promise<void> {
    const current = ++latestWalk;
    state = 'loading';
    loading.set(true);
    let cursor = page.next_cursor;
    const found = new Map(page.items.map((item) => [item.id, item]));
    try {
      while (cursor && found.size < MAX_LISTED) {
        const next: Page<T> = await fetch(cursor);
        if (current !== latestWalk) return;
        for (const item of next.items) found.set(item.id, item);
        cursor = next.next_cursor;
        if (found.size > (untracked(known)?.length ?? 0)) known.set([...found.values()]);
      }
      const items = [...found.values()];
      known.set(mergeFirstPage(items, untracked(first.value) ?? page) ?? items);
      state = 'complete';
      more.set(Boolean(cursor));
      walkProblem.set(undefined);
    } catch (failure) {
      if (current !== latestWalk) return;
      state = 'partial';
      walkProblem.set(toProblem(failure));
    }
    loading.set(false);
  }

  effect(() => {
    const page = first.value();
    if (!page) return;
    untracked(() => {
      const merged = mergeFirstPage(known() ?? [], page);
      known.set(merged ?? page.items);
      if (!page.next_cursor) more.set(false);
      else if (state === 'partial' || (state === 'complete' && !merged)) void walk(page);
    });
  });
  inject(DestroyRef).onDestroy(() => latestWalk++);

  return {
    items: known,
    problem: computed(() => first.problem() ?? walkProblem()),
    loading,
    more,
    refetch: () => {
      state = 'partial';
      first.refetch();
    },
    remove: (ids) => known.update((items) => items?.filter((item) => !ids.includes(item.id))),
  };
}
