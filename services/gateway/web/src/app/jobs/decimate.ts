/** Fewer points for the same picture: the lowest and the highest of each bucket, so that no spike is lost. */

export interface Point {
  x: number;
  y: number;
}

/** At most 2 × `buckets` points of the curve; all of them when there are no more than that. */
export function decimate(x: readonly number[], y: readonly number[], buckets: number): Point[] {
  const length = x.length;
  if (length <= 2 * buckets) return x.map((at, i) => ({ x: at, y: y[i] as number }));
  const points: Point[] = [];
  const width = length / buckets;
  for (let bucket = 0; bucket < buckets; bucket++) {
    const from = Math.floor(bucket * width);
    const to = Math.floor((bucket + 1) * width);
    let low = from;
    let high = from;
    for (let i = from + 1; i < to; i++) {
      if ((y[i] as number) < (y[low] as number)) low = i;
      if ((y[i] as number) > (y[high] as number)) high = i;
    }
    const [first, second] = low < high ? [low, high] : [high, low];
    points.push({ x: x[first] as number, y: y[first] as number });
    if (second !== first) points.push({ x: x[second] as number, y: y[second] as number });
  }
  const end = length - 1;
  if (points.at(-1)?.x !== x[end]) points.push({ x: x[end] as number, y: y[end] as number });
  return points;
}
