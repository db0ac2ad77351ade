import { JobStream } from './job-stream';

/** A WebSocket that the test controls. */
class FakeWebSocket {
  static opened: FakeWebSocket[] = [];
  onopen?: () => void;
  onmessage?: (event: { data: string }) => void;
  onclose?: () => void;
  constructor(readonly url: string) {
    FakeWebSocket.opened.push(this);
  }
  close(): void {
    this.onclose?.();
  }
  receive(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

const record = (seq: number) => ({ seq, time: '', kind: 'log', level: 'info', message: `line ${seq}` });

describe('JobStream', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    FakeWebSocket.opened = [];
    vi.stubGlobal('WebSocket', FakeWebSocket);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  async function socket(count: number): Promise<FakeWebSocket> {
    await vi.waitFor(() => expect(FakeWebSocket.opened).toHaveLength(count));
    return FakeWebSocket.opened[count - 1] as FakeWebSocket;
  }

  it('reconnects after the last received record and applies none twice', async () => {
    const stream = new JobStream('job_1', async () => 'ticket');
    stream.start();
    const first = await socket(1);
    expect(first.url).toContain('after=0');
    first.onopen?.();
    first.receive({ type: 'records', records: [record(1), record(2)] });
    first.onclose?.();
    expect(stream.connection()).toBe('lost');
    await vi.advanceTimersByTimeAsync(500);
    const second = await socket(2);
    expect(second.url).toContain('after=2');
    second.receive({ type: 'records', records: [record(2), record(3)] });
    expect(stream.history.logs.map((log) => log.seq)).toEqual([1, 2, 3]);
  });

  it('does not reconnect after the job has ended', async () => {
    const stream = new JobStream('job_1', async () => 'ticket');
    stream.start();
    const only = await socket(1);
    only.receive({ type: 'end', state: 'succeeded' });
    only.onclose?.();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeWebSocket.opened).toHaveLength(1);
    expect(stream.connection()).toBe('ended');
  });

  it('reports a problem that reconnecting cannot fix', async () => {
    const stream = new JobStream('job_1', async () => 'ticket');
    stream.start();
    const only = await socket(1);
    only.receive({ type: 'error', problem: { status: 404, code: 'not_found', title: 'Not found', detail: 'There is no such job.' } });
    only.onclose?.();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(stream.problem()?.code).toBe('not_found');
    expect(FakeWebSocket.opened).toHaveLength(1);
  });
});
