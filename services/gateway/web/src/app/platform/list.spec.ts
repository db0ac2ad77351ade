import { TestBed } from '@angular/core/testing';

import { injectList, List, mergeFirstPage } from './list';

interface Item {
  id: string;
  state?: string;
}

const items = (...ids: string[]): Item[] => ids.map((id) => ({ id }));
const ids = (found: readonly Item[] | undefined) => found?.map(({ id }) => id).join('');

describe('mergeFirstPage', () => {
  const known = items('d', 'c', 'b', 'a');

  it('adds what is new, and keeps what is on later pages', () => {
    expect(ids(mergeFirstPage(known, { items: items('e', 'd', 'c'), next_cursor: 'c' }))).toBe('edcba');
  });

  it('drops what the first page no longer has', () => {
    expect(ids(mergeFirstPage(known, { items: items('d', 'b'), next_cursor: 'b' }))).toBe('dba');
    expect(ids(mergeFirstPage(known, { items: items('a'), next_cursor: null }))).toBe('a');
  });

  it('cannot merge where the page and what is known do not meet', () => {
    expect(mergeFirstPage(known, { items: items('g', 'f'), next_cursor: 'f' })).toBeUndefined();
  });
});

describe('injectList', () => {
  let stored: string[];
  let failing = false;

  /** Two items a page; the cursor is the last item's id. */
  async function fetch(cursor?: string): Promise<{ items: Item[]; next_cursor: string | null }> {
    if (failing && cursor) throw new Error('no answer');
    const from = cursor ? stored.indexOf(cursor) + 1 : 0;
    const page = items(...stored.slice(from, from + 2));
    return { items: page, next_cursor: from + 2 < stored.length ? page.at(-1)!.id : null };
  }

  async function settle(list: List<Item>): Promise<void> {
    do {
      for (let i = 0; i < 5; i++) {
        TestBed.tick();
        await Promise.resolve();
      }
    } while (list.loading());
  }

  const create = () => TestBed.runInInjectionContext(() => injectList('items', fetch));

  beforeEach(() => {
    stored = ['e', 'd', 'c', 'b', 'a'];
    failing = false;
  });

  it('loads all pages', async () => {
    const list = create();
    await settle(list);
    expect(ids(list.items())).toBe('edcba');
    expect(list.more()).toBe(false);
  });

  it('loses what was deleted on any page when it is fetched again', async () => {
    const list = create();
    await settle(list);
    stored = ['f', 'e', 'd', 'b'];
    list.remove(['a']);
    expect(ids(list.items())).toBe('edcb');
    list.refetch();
    await settle(list);
    expect(ids(list.items())).toBe('fedb');
  });

  it('shows the first page and the problem where a further one fails', async () => {
    failing = true;
    const list = create();
    await settle(list);
    expect(ids(list.items())).toBe('ed');
    expect(list.problem()?.detail).toBe('no answer');
    failing = false;
    list.refetch();
    await settle(list);
    expect(ids(list.items())).toBe('edcba');
    expect(list.problem()).toBeUndefined();
  });
});
