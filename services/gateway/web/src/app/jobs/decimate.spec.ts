import { decimate, within } from './decimate';

describe('decimate', () => {
  it('returns short series unchanged', () => {
    expect(decimate([1, 2], [5, 6], 10)).toEqual([{ x: 1, y: 5 }, { x: 2, y: 6 }]);
  });

  it('keeps a single spike among 50,000 points, and both ends', () => {
    const x = Array.from({ length: 50_000 }, (_, i) => i);
    const y = x.map((i) => (i === 31_337 ? 99 : Math.sin(i)));
    const points = decimate(x, y, 500);
    expect(points.length).toBeLessThanOrEqual(1001);
    expect(points).toContainEqual({ x: 31_337, y: 99 });
    expect(points.at(-1)?.x).toBe(49_999);
  });

  it('keeps the steps in order', () => {
    const x = Array.from({ length: 5000 }, (_, i) => i);
    const points = decimate(x, x.map((i) => (i * 7919) % 101), 100);
    expect(points.every((point, i) => i === 0 || point.x > (points[i - 1]?.x ?? -1))).toBe(true);
  });
});

describe('within', () => {
  const x = [0, 1, 2, 3, 4];

  it('keeps one point on either side', () => {
    expect(within(x, x, 1.5, 2.5)).toEqual([[1, 2, 3], [1, 2, 3]]);
  });

  it('ends with the points', () => {
    expect(within(x, x, -1, 9)).toEqual([x, x]);
    expect(within([], [], 0, 1)).toEqual([[], []]);
  });
});
