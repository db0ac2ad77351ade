/** Queries for cursor-paginated lists. A refetch requests as many pages as are shown. */
import { linkedSignal } from '@angular/core';

import { injectQuery, Query } from './query';

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface PagedQuery<T> extends Query<Page<T>> {
  /** Shows one more page. */
  loadMore(): void;
}

export type FetchPage<T> = (cursor?: string) => Promise<Page<T>>;

/** The first `maxPages` pages merged into one; `next_cursor` is null after the last page. */
export async function fetchAllPages<T>(fetch: FetchPage<T>, maxPages = Infinity): Promise<Page<T>> {
  const items: T[] = [];
  let cursor: string | null = null;
  for (let pages = 0; pages < maxPages; pages++) {
    const page: Page<T> = await fetch(cursor ?? undefined);
    items.push(...page.items);
    cursor = page.next_cursor;
    if (!cursor) break;
  }
  return { items, next_cursor: cursor };
}

/** The optimistic update that removes one item from a list. */
export function withoutItem(id: string): <T extends { id: string }>(page: Page<T>) => Page<T> {
  return (page) => ({ ...page, items: page.items.filter((item) => item.id !== id) });
}

/** `injectQuery` for a list: `options` gives the cache key and fetches the page after a cursor. Call it in an injection context. */
export function injectPagedQuery<T>(options: () => { key: string; fetch: FetchPage<T> }, pollInterval?: (page: Page<T>) => number | null): PagedQuery<T> {
  const pageCount = linkedSignal({ source: () => options().key, computation: () => 1 });
  const query = injectQuery(() => {
    const { key, fetch } = options();
    const maxPages = pageCount();
    return { key, fetch: () => fetchAllPages(fetch, maxPages) };
  }, pollInterval);
  return { ...query, loadMore: () => pageCount.update((count) => count + 1) };
}
