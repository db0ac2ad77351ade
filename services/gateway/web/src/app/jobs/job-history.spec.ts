import { JobHistory, StreamRecord } from './job-history';

const record = (seq: number, kind: string, values: object): StreamRecord => ({ seq, time: '2026-01-01T00:00:00Z', kind, ...values });
const metric = (seq: number, step: number, loss: number) => record(seq, 'metric', { step, loss, learning_rate: 1e-3 });

describe('JobHistory', () => {
  it('applies every record once, even if it is received again', () => {
    const history = new JobHistory();
    history.apply([metric(1, 1, 3), metric(2, 2, 2)]);
    expect(history.apply([metric(1, 1, 3), metric(2, 2, 2)])).toBe(false);
    expect(history.apply([metric(2, 2, 2), metric(3, 3, 1)])).toBe(true);
    expect(history.metric('loss').x).toEqual([1, 2, 3]);
    expect(history.seq).toBe(3);
  });

  it('drops the steps that a resumed job repeats', () => {
    const history = new JobHistory();
    history.apply([metric(1, 1, 3), metric(2, 2, 2), record(3, 'evaluation', { step: 2, loss: 2.5 }), record(4, 'checkpoint', { step: 2, loss: 2.5, best: true })]);
    history.apply([record(5, 'rewind', { step: 1 }), metric(6, 2, 1.9)]);
    expect(history.metric('loss').y).toEqual([3, 1.9]);
    expect(history.validation.x).toEqual([]);
    expect(history.positions.time.x).toEqual([1, 2]);
    expect(history.checkpoints).toEqual([]);
  });

  it('reports resource usage while the job runs', () => {
    const history = new JobHistory();
    history.apply([record(1, 'state', { state: 'running' }), record(2, 'usage', { cpu_percent: 187, memory_mb: 900.4 })]);
    expect(history.usage).toMatchObject({ cpu_percent: 187, memory_mb: 900 });
    history.apply([record(3, 'state', { state: 'succeeded' })]);
    expect(history.usage).toBeUndefined();
  });

  it('discards the usage of a killed attempt', () => {
    const history = new JobHistory();
    history.apply([record(1, 'usage', { memory_mb: 900 }), record(2, 'state', { state: 'running', attempt: 2 })]);
    expect(history.usage).toBeUndefined();
  });

  it('marks one checkpoint as best', () => {
    const history = new JobHistory();
    history.apply([record(1, 'checkpoint', { step: 10, loss: 2, best: true }), record(2, 'checkpoint', { step: 20, loss: 1, best: true })]);
    expect(history.checkpoints.map((checkpoint) => checkpoint.best)).toEqual([false, true]);
  });

  it('marks none as best after a lower loss without a checkpoint', () => {
    const history = new JobHistory();
    history.apply([record(1, 'evaluation', { step: 10, loss: 2 }), record(2, 'checkpoint', { step: 10, loss: 2, best: true }), record(3, 'evaluation', { step: 15, loss: 3 })]);
    expect(history.checkpoints[0]?.best).toBe(true);
    history.apply([record(4, 'evaluation', { step: 18, loss: 1 }), record(5, 'checkpoint', { step: 20, loss: null, best: false })]);
    expect(history.checkpoints.map((checkpoint) => checkpoint.best)).toEqual([false, false]);
  });

  it('records a series for every numeric metric', () => {
    const history = new JobHistory();
    history.apply([record(1, 'metric', { step: 1, loss: 1, gpu_utilization: 50, tokens: 9, note: 'text' })]);
    expect([...history.metrics.keys()]).toEqual(['loss', 'gpu_utilization']);
  });

  it('logs state changes and failures', () => {
    const history = new JobHistory();
    history.apply([record(1, 'state', { state: 'failed', cause: 'diverged', detail: 'the loss became nan' })]);
    expect(history.state).toBe('failed');
    expect(history.logs[0]).toMatchObject({ level: 'error', message: '— failed: the loss became nan' });
  });
});
