/** The points of a run as a comparison shows them: along an axis, and smoothed. */
import { JobHistory, Points } from '../job-history';

/** How many jobs are compared at most: more lines cannot be told apart. */
export const MAX_COMPARED = 10;

export type Axis = 'step' | 'epoch' | 'tokens' | 'time';

export const AXES: { name: Axis; label: string; title: string }[] = [
  { name: 'step', label: 'Step', title: 'Step' },
  { name: 'epoch', label: 'Epoch', title: 'Epoch' },
  { name: 'tokens', label: 'Tokens', title: 'Trained tokens' },
  { name: 'time', label: 'Wall time', title: 'Time since the start (s)' },
];

/** The points with the position of each step on the axis; time is in seconds after `startedAt` (milliseconds). */
export function alongAxis(points: Points, history: JobHistory, axis: Axis, startedAt: number): Points {
  if (axis === 'step') return points;
  const positions = history.positions[axis];
  const placed = new Points();
  let i = -1;
  points.x.forEach((step, n) => {
    while (i + 1 < positions.x.length && positions.x[i + 1]! <= step) i++;
    const position = i < 0 ? undefined : positions.y[i]!;
    // A validation before the first step is at the beginning.
    placed.push(axis === 'time' ? Math.max(0, ((position ?? startedAt) - startedAt) / 1000) : (position ?? 0), points.y[n]!);
  });
  return placed;
}

/**
 * The exponential moving average of the values, with `weight` (0 to 1) on the past. Divided by 1 − weightⁿ, as TensorBoard
 * and Adam (arXiv 1412.6980) do, so that the first values are not pulled towards 0.
 */
export function smooth(points: Points, weight: number): Points {
  if (!weight) return points;
  const smoothed = new Points();
  let [average, correction] = [0, 1];
  points.y.forEach((value, n) => {
    if (Number.isFinite(value)) {
      average = weight * average + (1 - weight) * value;
      correction *= weight;
    }
    smoothed.push(points.x[n]!, Number.isFinite(value) ? average / (1 - correction) : value);
  });
  return smoothed;
}

/** The median of the values, which a slow first step does not change; undefined without any. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : sorted.length ? (sorted[middle - 1]! + sorted[middle]!) / 2 : undefined;
}
