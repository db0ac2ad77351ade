/** Limits in words and units, and what a form's text means in them. */
import { LimitView } from '../api/models';
import { formatBytes, formatCount, formatMetric } from '../elements/format';

interface LimitKind {
  label: string;
  format: (value: number) => string;
  /** What one unit of the form's field stands for. */
  unit: number;
  unitLabel: string;
}

const GB = 1e9;
const KINDS: Record<string, LimitKind> = {
  requests_per_minute: { label: 'Requests per minute', format: formatCount, unit: 1, unitLabel: '' },
  tokens_per_minute: { label: 'Tokens per minute', format: formatCount, unit: 1, unitLabel: '' },
  concurrent_streams: { label: 'Streams at once', format: formatCount, unit: 1, unitLabel: '' },
  upload_bytes_per_day: { label: 'Uploads per day', format: formatBytes, unit: GB, unitLabel: 'GB' },
  queued_jobs: { label: 'Queued jobs', format: formatCount, unit: 1, unitLabel: '' },
  cpu_hours_per_month: { label: 'CPU hours per month', format: formatMetric, unit: 1, unitLabel: 'h' },
  gpu_hours_per_month: { label: 'GPU hours per month', format: formatMetric, unit: 1, unitLabel: 'h' },
  stored_bytes: { label: 'Stored data', format: formatBytes, unit: GB, unitLabel: 'GB' },
};

export interface LimitRow {
  name: string;
  label: string;
  /** With the unit of its field. */
  fieldLabel: string;
  used: string;
  limit: string;
  /** The field's number; null: no limit. */
  field: number | null;
  ratio: { used: number; limit: number } | undefined;
}

export function limitRow({ name, limit, used }: LimitView): LimitRow {
  const { label, format, unit, unitLabel } = KINDS[name] ?? { label: name.replaceAll('_', ' '), format: formatMetric, unit: 1, unitLabel: '' };
  return {
    ...{ name, label, fieldLabel: unitLabel ? `${label} (${unitLabel})` : label },
    ...{ used: used === null ? 'not counted' : format(used), limit: limit === null ? 'no limit' : format(limit), field: limit === null ? null : limit / unit },
    ratio: limit === null || used === null ? undefined : { used, limit },
  };
}

/** The amount that a field's number stands for. */
export function toAmount(name: string, field: number): number {
  return Math.round(field * (KINDS[name]?.unit ?? 1));
}
