import { collect } from './pages';

const PAGES = [
  { items: [1, 2], next_cursor: 'b' },
  { items: [3, 4], next_cursor: 'c' },
  { items: [5], next_cursor: null },
];
const fetch = async (cursor?: string) => PAGES[cursor ? ['a', 'b', 'c'].indexOf(cursor) : 0]!;

describe('collect', () => {
  it('follows the cursors to the end', async () => {
    expect(await collect(fetch)).toEqual({ items: [1, 2, 3, 4, 5], next_cursor: null });
  });

  it('stops where it was told to, and says that more follows', async () => {
    expect(await collect(fetch, 2)).toEqual({ items: [1, 2, 3, 4], next_cursor: 'c' });
  });
});
