import { JobHistory, Points, StreamRecord } from '../job-history';
import { alongAxis, median, smooth } from './series';

const START = Date.parse('2026-01-01T00:00:00Z');

function points(x: number[], y: number[]): Points {
  const made = new Points();
  x.forEach((value, i) => made.push(value, y[i]!));
  return made;
}

describe('alongAxis', () => {
  const history = new JobHistory();
  const metric = (seq: number, step: number): StreamRecord => ({ seq, time: `2026-01-01T00:00:0${2 * step}Z`, kind: 'metric', step, epoch: step / 10, tokens: 100 * step, loss: 1 });
  history.apply([metric(1, 1), metric(2, 2), metric(3, 3)]);

  it('places steps by tokens, epoch and seconds since the start', () => {
    const loss = history.metric('loss');
    expect(alongAxis(loss, history, 'step', START).x).toEqual([1, 2, 3]);
    expect(alongAxis(loss, history, 'tokens', START).x).toEqual([100, 200, 300]);
    expect(alongAxis(loss, history, 'epoch', START).x).toEqual([0.1, 0.2, 0.3]);
    expect(alongAxis(loss, history, 'time', START).x).toEqual([2, 4, 6]);
  });

  it('places a validation before the first step at the beginning, and later ones at their step', () => {
    const validation = points([0, 3], [5, 4]);
    expect(alongAxis(validation, history, 'tokens', START)).toEqual(points([0, 300], [5, 4]));
    expect(alongAxis(validation, history, 'time', START).x).toEqual([0, 6]);
  });
});

describe('smooth', () => {
  it('keeps a constant, also at the beginning', () => {
    expect(smooth(points([1, 2, 3], [4, 4, 4]), 0.9).y.map((value) => Number(value.toFixed(9)))).toEqual([4, 4, 4]);
  });

  it('weights the past', () => {
    expect(smooth(points([1, 2], [0, 3]), 0.5).y[1]).toBeCloseTo(2);
  });

  it('leaves a gap where a value is not finite', () => {
    expect(smooth(points([1, 2, 3], [2, NaN, 2]), 0.5).y).toEqual([2, NaN, 2]);
  });
});

describe('median', () => {
  it('is the middle value', () => {
    expect([median([]), median([9, 1, 2]), median([1, 2, 3, 10])]).toEqual([undefined, 2, 2.5]);
  });
});
