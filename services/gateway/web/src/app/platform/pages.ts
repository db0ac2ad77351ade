/** Lists that come page by page: more is shown on demand, and each newer look asks for as many pages as are shown. */
import { linkedSignal } from '@angular/core';

import { load, Loaded } from './load';

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface Pages<T> extends Loaded<Page<T>> {
  /** Shows one page more. */
  more(): void;
}

export type Fetch<T> = (cursor?: string) => Promise<Page<T>>;

/** The first `most` pages as one; `next_cursor` is null once nothing follows. */
export async function collect<T>(fetch: Fetch<T>, most = Infinity): Promise<Page<T>> {
  const items: T[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < most; page++) {
    const found: Page<T> = await fetch(cursor ?? undefined);
    items.push(...found.items);
    cursor = found.next_cursor;
    if (!cursor) break;
  }
  return { items, next_cursor: cursor };
}

/** A list without one of its items, for `foresee`. */
export function without(id: string): <T extends { id: string }>(page: Page<T>) => Page<T> {
  return (page) => ({ ...page, items: page.items.filter((item) => item.id !== id) });
}

/** `load` for a list: `request` names it and fetches the page after a cursor. Call it where injection is possible. */
export function pages<T>(request: () => { key: string; fetch: Fetch<T> }, beat?: (page: Page<T>) => number | null): Pages<T> {
  const shown = linkedSignal({ source: () => request().key, computation: () => 1 });
  const list = load(() => {
    const { key, fetch } = request();
    const most = shown();
    return { key, fetch: () => collect(fetch, most) };
  }, beat);
  return { ...list, more: () => shown.update((count) => count + 1) };
}
