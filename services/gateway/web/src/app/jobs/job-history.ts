/** The history of a job, built from its stream of records. A rewind record drops the steps that a resumed job repeats. */

export interface StreamRecord {
  seq: number;
  time: string;
  kind: string;
  [field: string]: unknown;
}

export interface LogLine {
  seq: number;
  time: string;
  level: string;
  message: string;
}

export interface Sample {
  prompt?: unknown;
  reference?: string;
  answer?: string;
  [field: string]: unknown;
}

export interface ResourceUsage {
  cpu_percent: number;
  memory_mb: number;
  gpu_utilization?: number;
  gpu_memory_mb?: number;
}

/** The points of one metric by step. Two arrays instead of objects, because there may be a million points. */
export class Points {
  readonly x: number[] = [];
  readonly y: number[] = [];

  push(x: number, y: number): void {
    this.x.push(x);
    this.y.push(y);
  }

  /** Drops the points after `step`. */
  rewind(step: number): void {
    let length = this.x.length;
    while (length > 0 && (this.x[length - 1] ?? 0) > step) length--;
    this.x.length = this.y.length = length;
  }

  get last(): number | undefined {
    return this.y.at(-1);
  }
}

const roundNumbers = (record: StreamRecord): object =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, typeof value === 'number' ? Math.round(value) : value]));

/** Numeric fields of a metric record that are not metrics themselves. */
const NOT_METRICS = new Set(['seq', 'time', 'kind', 'step', 'epoch', 'tokens']);

export class JobHistory {
  /** The sequence number of the last applied record. */
  seq = 0;
  state?: string;
  detail?: string;
  modelId?: string;
  stepsDone = 0;
  totalSteps = 0;
  etaSeconds?: number;
  epoch?: number;
  readonly metrics = new Map<string, Points>();
  readonly validation = new Points();
  /** Trained tokens, epochs and milliseconds since 1970 by step. */
  readonly positions = { tokens: new Points(), epoch: new Points(), time: new Points() };
  readonly logs: LogLine[] = [];
  readonly checkpoints: { step: number; loss: number | null; best: boolean; time: string }[] = [];
  samples?: { step: number; items: Sample[] };
  /** The training process's resource usage, updated every second; undefined while it does not run. */
  usage?: ResourceUsage;

  /** Applies records and skips those already applied. Returns whether any was new. */
  apply(records: StreamRecord[]): boolean {
    const before = this.seq;
    for (const record of records) {
      if (record.seq <= this.seq) continue;
      this.seq = record.seq;
      this.applyRecord(record);
    }
    return this.seq !== before;
  }

  metric(name: string): Points {
    let points = this.metrics.get(name);
    if (!points) this.metrics.set(name, (points = new Points()));
    return points;
  }

  private applyRecord(record: StreamRecord): void {
    switch (record.kind) {
      case 'log':
        this.logs.push({ seq: record.seq, time: record.time, level: String(record['level'] ?? 'info'), message: String(record['message'] ?? '') });
        break;
      case 'metric':
        this.applyMetrics(record);
        break;
      case 'evaluation':
        this.applyEvaluation(Number(record['step']), Number(record['loss']));
        break;
      case 'samples':
        this.samples = { step: Number(record['step']), items: (record['items'] as Sample[] | undefined) ?? [] };
        break;
      case 'usage':
        this.usage = roundNumbers(record) as unknown as ResourceUsage;
        break;
      case 'progress':
        [this.stepsDone, this.totalSteps, this.etaSeconds] = [Number(record['done']), Number(record['total']), record['eta_s'] as number | undefined];
        break;
      case 'checkpoint':
        if (record['best']) this.checkpoints.forEach((checkpoint) => (checkpoint.best = false));
        this.checkpoints.push({ step: Number(record['step']), loss: (record['loss'] as number | null) ?? null, best: Boolean(record['best']), time: record.time });
        break;
      case 'state':
        this.applyState(record);
        break;
      case 'rewind':
        this.rewind(Number(record['step']));
        break;
    }
  }

  /** No earlier checkpoint is the best any more after a lower validation loss: a later one of the same step says that it is. */
  private applyEvaluation(step: number, loss: number): void {
    if (this.validation.y.every((earlier) => loss < earlier)) this.checkpoints.forEach((checkpoint) => (checkpoint.best = false));
    this.validation.push(step, loss);
  }

  private applyMetrics(record: StreamRecord): void {
    const step = Number(record['step']);
    const positions = { tokens: record['tokens'], epoch: record['epoch'], time: Date.parse(record.time) };
    for (const [name, value] of Object.entries(positions)) {
      if (typeof value === 'number') this.positions[name as keyof typeof positions].push(step, value);
    }
    this.epoch = record['epoch'] as number | undefined;
    for (const [name, value] of Object.entries(record)) {
      if (!NOT_METRICS.has(name) && typeof value === 'number') this.metric(name).push(step, value);
    }
  }

  private applyState(record: StreamRecord): void {
    this.state = String(record['state']);
    this.usage = undefined;
    this.detail = record['detail'] as string | undefined;
    this.modelId = (record['model_id'] as string | undefined) ?? this.modelId;
    const detail = this.detail ? `: ${this.detail}` : '';
    this.logs.push({ seq: record.seq, time: record.time, level: this.state === 'failed' ? 'error' : 'info', message: `— ${this.state}${detail}` });
  }

  private rewind(step: number): void {
    for (const points of [...this.metrics.values(), ...Object.values(this.positions)]) points.rewind(step);
    this.validation.rewind(step);
    const remaining = this.checkpoints.filter((checkpoint) => checkpoint.step <= step);
    this.checkpoints.splice(0, this.checkpoints.length, ...remaining);
  }
}
