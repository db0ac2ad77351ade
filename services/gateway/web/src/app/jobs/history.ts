/** A job as its records tell it: every record once and in order; what a resume will repeat is dropped by its rewind. */

export interface StreamRecord {
  seq: number;
  time: string;
  kind: string;
  [value: string]: unknown;
}

export interface LogLine {
  seq: number;
  time: string;
  level: string;
  message: string;
}

export interface Evaluated {
  step: number;
  loss: number;
  perplexity?: number;
}

export interface Shown {
  prompt?: unknown;
  reference?: string;
  answer?: string;
  [member: string]: unknown;
}

export interface Usage {
  cpu_percent: number;
  memory_mb: number;
  gpu_utilization?: number;
  gpu_memory_mb?: number;
}

/** Points of one curve, by step; arrays and no objects, because there may be a million. */
export class Points {
  readonly x: number[] = [];
  readonly y: number[] = [];

  push(x: number, y: number): void {
    this.x.push(x);
    this.y.push(y);
  }

  /** Keeps what is not beyond `step`. */
  rewind(step: number): void {
    let kept = this.x.length;
    while (kept > 0 && (this.x[kept - 1] ?? 0) > step) kept--;
    this.x.length = this.y.length = kept;
  }

  get last(): number | undefined {
    return this.y.at(-1);
  }
}

const rounded = (record: StreamRecord): object =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, typeof value === 'number' ? Math.round(value) : value]));

/** Members of a metric record that are not curves of their own. */
const NOT_CURVES = new Set(['seq', 'time', 'kind', 'step', 'epoch', 'tokens']);

export class History {
  seq = 0;
  state?: string;
  detail?: string;
  modelId?: string;
  done = 0;
  total = 0;
  eta?: number;
  epoch?: number;
  readonly curves = new Map<string, Points>();
  readonly validation = new Points();
  readonly logs: LogLine[] = [];
  readonly checkpoints: { step: number; loss: number | null; best: boolean; time: string }[] = [];
  samples?: { step: number; items: Shown[] };
  /** What the engine uses, each second; none before it runs and after it ended. */
  usage?: Usage;

  /** Takes records over; those seen before are passed by. True when something was new. */
  apply(records: StreamRecord[]): boolean {
    const before = this.seq;
    for (const record of records) {
      if (record.seq <= this.seq) continue;
      this.seq = record.seq;
      this.take(record);
    }
    return this.seq !== before;
  }

  curve(name: string): Points {
    let points = this.curves.get(name);
    if (!points) this.curves.set(name, (points = new Points()));
    return points;
  }

  private take(record: StreamRecord): void {
    switch (record.kind) {
      case 'log':
        this.logs.push({ seq: record.seq, time: record.time, level: String(record['level'] ?? 'info'), message: String(record['message'] ?? '') });
        break;
      case 'metric':
        this.metric(record);
        break;
      case 'evaluation':
        this.validation.push(Number(record['step']), Number(record['loss']));
        break;
      case 'samples':
        this.samples = { step: Number(record['step']), items: (record['items'] as Shown[] | undefined) ?? [] };
        break;
      case 'usage':
        this.usage = rounded(record) as unknown as Usage;
        break;
      case 'progress':
        [this.done, this.total, this.eta] = [Number(record['done']), Number(record['total']), record['eta_s'] as number | undefined];
        break;
      case 'checkpoint':
        if (record['best']) this.checkpoints.forEach((known) => (known.best = false));
        this.checkpoints.push({ step: Number(record['step']), loss: (record['loss'] as number | null) ?? null, best: Boolean(record['best']), time: record.time });
        break;
      case 'state':
        this.moved(record);
        break;
      case 'rewind':
        this.rewind(Number(record['step']));
        break;
    }
  }

  private metric(record: StreamRecord): void {
    const step = Number(record['step']);
    this.epoch = record['epoch'] as number | undefined;
    for (const [name, value] of Object.entries(record)) {
      if (!NOT_CURVES.has(name) && typeof value === 'number') this.curve(name).push(step, value);
    }
  }

  private moved(record: StreamRecord): void {
    this.state = String(record['state']);
    this.usage = undefined;
    this.detail = record['detail'] as string | undefined;
    this.modelId = (record['model_id'] as string | undefined) ?? this.modelId;
    const detail = this.detail ? `: ${this.detail}` : '';
    this.logs.push({ seq: record.seq, time: record.time, level: this.state === 'failed' ? 'error' : 'info', message: `— ${this.state}${detail}` });
  }

  private rewind(step: number): void {
    for (const points of this.curves.values()) points.rewind(step);
    this.validation.rewind(step);
    const kept = this.checkpoints.filter((checkpoint) => checkpoint.step <= step);
    this.checkpoints.splice(0, this.checkpoints.length, ...kept);
  }
}
