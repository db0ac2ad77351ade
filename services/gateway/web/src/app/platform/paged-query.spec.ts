import { fetchAllPages } from './paged-query';

const PAGES = [
  { items: [1, 2], next_cursor: 'b' },
  { items: [3, 4], next_cursor: 'c' },
  { items: [5], next_cursor: null },
];
const fetch = async (cursor?: string) => PAGES[cursor ? ['a', 'b', 'c'].indexOf(cursor) : 0]!;

describe('fetchAllPages', () => {
  it('follows the cursors to the last page', async () => {
    expect(await fetchAllPages(fetch)).toEqual({ items: [1, 2, 3, 4, 5], next_cursor: null });
  });

  it('stops after the given number of pages and keeps the next cursor', async () => {
    expect(await fetchAllPages(fetch, 2)).toEqual({ items: [1, 2, 3, 4], next_cursor: 'c' });
  });
});
