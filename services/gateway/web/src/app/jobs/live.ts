/** Follows a job over the websocket: goes on after the last record it has, however often the connection is lost. */
import { inject, Injectable, signal } from '@angular/core';

import { SystemService } from '../api/services';
import { Problem, problemOf } from '../platform/problem';
import { History, StreamRecord } from './history';

type Message =
  | { type: 'records'; records: StreamRecord[] }
  | { type: 'end'; state: string }
  | { type: 'error'; problem: Problem };

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;
const KEPT = 4;

/** One job being followed. `version` grows at most once per frame, after `history` has changed. */
export class Following {
  readonly history = new History();
  readonly version = signal(0);
  readonly connection = signal<'connecting' | 'live' | 'lost' | 'ended'>('connecting');
  readonly problem = signal<Problem | undefined>(undefined);
  private socket?: WebSocket;
  private timer?: ReturnType<typeof setTimeout>;
  private pause = FIRST_PAUSE_MS;
  private wanted = false;
  private frame = 0;

  constructor(
    private readonly job: string,
    private readonly ticket: () => Promise<string>,
  ) {}

  start(): void {
    if (this.wanted) return;
    this.wanted = true;
    void this.connect();
  }

  stop(): void {
    this.wanted = false;
    clearTimeout(this.timer);
    this.socket?.close();
  }

  private async connect(): Promise<void> {
    try {
      const ticket = await this.ticket();
      if (this.wanted) this.open(ticket);
    } catch (failure) {
      const problem = problemOf(failure);
      if (problem.status === 401 || problem.status === 403) this.problem.set(problem);
      this.again();
    }
  }

  private open(ticket: string): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const query = new URLSearchParams({ job: this.job, after: String(this.history.seq), ticket });
    const socket = (this.socket = new WebSocket(`${scheme}://${location.host}/live?${query}`));
    socket.onopen = () => {
      this.connection.set('live');
      this.pause = FIRST_PAUSE_MS;
    };
    socket.onmessage = (event) => this.hear(JSON.parse(event.data as string) as Message);
    socket.onclose = () => this.again();
  }

  private hear(message: Message): void {
    if (message.type === 'records') {
      if (this.history.apply(message.records)) this.changed();
    } else if (message.type === 'error') {
      this.problem.set(message.problem);
      this.wanted = message.problem.status >= 500;
    } else {
      this.history.state = message.state;
      this.wanted = false;
      this.connection.set('ended');
      this.changed();
    }
  }

  private changed(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.version.update((version) => version + 1);
    });
  }

  private again(): void {
    if (!this.wanted) return;
    this.connection.set('lost');
    this.timer = setTimeout(() => void this.connect(), this.pause);
    this.pause = Math.min(LONGEST_PAUSE_MS, this.pause * 2);
  }
}

@Injectable({ providedIn: 'root' })
export class LiveJobs {
  private readonly system = inject(SystemService);
  private readonly known = new Map<string, Following>();

  /** The following of a job. What was heard before is kept for the next visit of its page. */
  of(job: string): Following {
    const found = this.known.get(job) ?? new Following(job, () => this.system.createTicket().then((view) => view.ticket));
    this.known.delete(job);
    this.known.set(job, found);
    for (const [id, following] of this.known) {
      if (this.known.size <= KEPT) break;
      following.stop();
      this.known.delete(id);
    }
    return found;
  }
}

