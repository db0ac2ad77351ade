import { Following } from './live';

/** A socket that the test speaks through. */
class Line {
  static opened: Line[] = [];
  onopen?: () => void;
  onmessage?: (event: { data: string }) => void;
  onclose?: () => void;
  constructor(readonly url: string) {
    Line.opened.push(this);
  }
  close(): void {
    this.onclose?.();
  }
  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

const record = (seq: number) => ({ seq, time: '', kind: 'log', level: 'info', message: `line ${seq}` });

describe('Following', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    Line.opened = [];
    vi.stubGlobal('WebSocket', Line);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  async function line(count: number): Promise<Line> {
    await vi.waitFor(() => expect(Line.opened).toHaveLength(count));
    return Line.opened[count - 1] as Line;
  }

  it('goes on after the last record when the connection is lost, repeating none', async () => {
    const following = new Following('job_1', async () => 'ticket');
    following.start();
    const first = await line(1);
    expect(first.url).toContain('after=0');
    first.onopen?.();
    first.say({ type: 'records', records: [record(1), record(2)] });
    first.onclose?.();
    expect(following.connection()).toBe('lost');
    await vi.advanceTimersByTimeAsync(500);
    const second = await line(2);
    expect(second.url).toContain('after=2');
    second.say({ type: 'records', records: [record(2), record(3)] });
    expect(following.history.logs.map((log) => log.seq)).toEqual([1, 2, 3]);
  });

  it('stays quiet once the job has ended', async () => {
    const following = new Following('job_1', async () => 'ticket');
    following.start();
    const only = await line(1);
    only.say({ type: 'end', state: 'succeeded' });
    only.onclose?.();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(Line.opened).toHaveLength(1);
    expect(following.connection()).toBe('ended');
  });

  it('tells a job that cannot be followed', async () => {
    const following = new Following('job_1', async () => 'ticket');
    following.start();
    const only = await line(1);
    only.say({ type: 'error', problem: { status: 404, code: 'not_found', title: 'Not found', detail: 'There is no such job.' } });
    only.onclose?.();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(following.problem()?.code).toBe('not_found');
    expect(Line.opened).toHaveLength(1);
  });
});
