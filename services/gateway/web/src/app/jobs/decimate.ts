/** Min–max decimation: keeps the lowest and the highest point of each bucket, so that no spike is lost. */

export interface Point {
  x: number;
  y: number;
}

/** At most 2 × `buckets` points of the series plus its last point. Shorter series are returned unchanged. */
export function decimate(x: readonly number[], y: readonly number[], buckets: number): Point[] {
  const length = x.length;
  if (length <= 2 * buckets) return x.map((step, i) => ({ x: step, y: y[i] as number }));
  const points: Point[] = [];
  const width = length / buckets;
  for (let bucket = 0; bucket < buckets; bucket++) {
    const start = Math.floor(bucket * width);
    const end = Math.floor((bucket + 1) * width);
    let low = start;
    let high = start;
    for (let i = start + 1; i < end; i++) {
      if ((y[i] as number) < (y[low] as number)) low = i;
      if ((y[i] as number) > (y[high] as number)) high = i;
    }
    const [first, second] = low < high ? [low, high] : [high, low];
    points.push({ x: x[first] as number, y: y[first] as number });
    if (second !== first) points.push({ x: x[second] as number, y: y[second] as number });
  }
  const last = length - 1;
  if (points.at(-1)?.x !== x[last]) points.push({ x: x[last] as number, y: y[last] as number });
  return points;
}

/** The points between `from` and `to`, and one on either side, so that a line reaches the edges. `x` is in order. */
export function within(x: readonly number[], y: readonly number[], from: number, to: number): [number[], number[]] {
  const start = Math.max(0, x.findIndex((value) => value >= from) - 1);
  const after = x.findIndex((value) => value > to);
  const end = after < 0 ? x.length : after + 1;
  return [x.slice(start, end), y.slice(start, end)];
}
