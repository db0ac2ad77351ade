/** Streams a job's records over a WebSocket. Reconnects with exponential backoff and resumes after the last received record. */
import { inject, Injectable, signal } from '@angular/core';

import { SystemService } from '../api/services';
import { Problem, toProblem } from '../platform/problem';
import { JobHistory, StreamRecord } from './job-history';

type Message =
  | { type: 'records'; records: StreamRecord[] }
  | { type: 'end'; state: string }
  | { type: 'error'; problem: Problem };

const MIN_RECONNECT_DELAY_MS = 500;
const MAX_RECONNECT_DELAY_MS = 8000;
const MAX_CACHED_STREAMS = 4;

/** The stream of one job. `version` is incremented at most once per frame, after `history` has changed. */
export class JobStream {
  readonly history = new JobHistory();
  readonly version = signal(0);
  readonly connection = signal<'connecting' | 'live' | 'lost' | 'ended'>('connecting');
  readonly problem = signal<Problem | undefined>(undefined);
  private socket?: WebSocket;
  private reconnectTimer?: ReturnType<typeof setTimeout>;
  private reconnectDelay = MIN_RECONNECT_DELAY_MS;
  private active = false;
  private frame = 0;

  constructor(
    private readonly jobId: string,
    private readonly createTicket: () => Promise<string>,
  ) {}

  start(): void {
    if (this.active) return;
    this.active = true;
    void this.connect();
  }

  stop(): void {
    this.active = false;
    clearTimeout(this.reconnectTimer);
    this.socket?.close();
  }

  private async connect(): Promise<void> {
    try {
      const ticket = await this.createTicket();
      if (this.active) this.openSocket(ticket);
    } catch (failure) {
      const problem = toProblem(failure);
      if (problem.status === 401 || problem.status === 403) this.problem.set(problem);
      this.scheduleReconnect();
    }
  }

  private openSocket(ticket: string): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const query = new URLSearchParams({ job: this.jobId, after: String(this.history.seq), ticket });
    const socket = (this.socket = new WebSocket(`${scheme}://${location.host}/live?${query}`));
    socket.onopen = () => {
      this.connection.set('live');
      this.reconnectDelay = MIN_RECONNECT_DELAY_MS;
    };
    socket.onmessage = (event) => this.handleMessage(JSON.parse(event.data as string) as Message);
    socket.onclose = () => this.scheduleReconnect();
  }

  private handleMessage(message: Message): void {
    if (message.type === 'records') {
      if (this.history.apply(message.records)) this.scheduleVersion();
    } else if (message.type === 'error') {
      this.problem.set(message.problem);
      this.active = message.problem.status >= 500;
    } else {
      this.history.state = message.state;
      this.active = false;
      this.connection.set('ended');
      this.scheduleVersion();
    }
  }

  private scheduleVersion(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.version.update((version) => version + 1);
    });
  }

  private scheduleReconnect(): void {
    if (!this.active) return;
    this.connection.set('lost');
    this.reconnectTimer = setTimeout(() => void this.connect(), this.reconnectDelay);
    this.reconnectDelay = Math.min(MAX_RECONNECT_DELAY_MS, this.reconnectDelay * 2);
  }
}

@Injectable({ providedIn: 'root' })
export class JobStreams {
  private readonly system = inject(SystemService);
  private readonly streams = new Map<string, JobStream>();

  /** The stream of a job. The most recently used streams keep their history for the next visit. */
  get(jobId: string): JobStream {
    const stream = this.streams.get(jobId) ?? new JobStream(jobId, () => this.system.createTicket().then((view) => view.ticket));
    // A Map iterates in insertion order: reinserting makes this the most recently used entry.
    this.streams.delete(jobId);
    this.streams.set(jobId, stream);
    for (const [id, oldest] of this.streams) {
      if (this.streams.size <= MAX_CACHED_STREAMS) break;
      oldest.stop();
      this.streams.delete(id);
    }
    return stream;
  }
}
