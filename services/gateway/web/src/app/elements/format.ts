/** Human-readable sizes, durations, relative times, counts and metrics. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `1.5 MB`, in powers of 1,000. */
export function formatBytes(bytes: number | null | undefined): string {
  if (bytes == null) return '–';
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `42 s`, `3 min 5 s`, `2 h 10 min`. */
export function formatDuration(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return '–';
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** `just now`, `5 minutes ago`, `yesterday`. */
export function formatRelativeTime(time: string | Date, now: Date = new Date()): string {
  const seconds = (new Date(time).getTime() - now.getTime()) / 1000;
  if (Math.abs(seconds) < 20) return 'just now';
  const formatter = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
  const units: [Intl.RelativeTimeFormatUnit, number][] = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];
  const [unit, length] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
  return formatter.format(Math.round(seconds / length), unit);
}

/** `12,345`. */
export function formatCount(value: number | null | undefined): string {
  return value == null ? '–' : value.toLocaleString('en');
}

/** `1 row`, `12,345 rows`. */
export function formatCounted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `5.4 M`: the number of parameters of a model. */
export function formatParameters(value: number | null | undefined): string {
  if (!value) return '–';
  if (value >= 9.995e8) return `${(value / 1e9).toFixed(value >= 1e10 ? 0 : 1)} B`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(value >= 1e8 ? 0 : 1)} M`;
  return formatCount(value);
}

/** At most four significant digits: `0.006`, `12.35`, `1,234`. */
export function formatMetric(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return '–';
  if (value !== 0 && Math.abs(value) < 1e-3) return value.toExponential(2);
  return Number(value.toPrecision(4)).toLocaleString('en', { maximumFractionDigits: 6 });
}

/** `12 found, for example data.jsonl:17`: how often a warning applies. Empty without either. */
export function countText(count?: number | null, example?: string | null): string {
  if (count == null) return example ? `For example ${example}` : '';
  return `${formatCount(count)} found${example ? `, for example ${example}` : ''}`;
}

const METHOD_LABELS: Record<string, string> = { lora: 'LoRA', qlora: 'QLoRA', full: 'Full' };

/** `lora` as `LoRA`. */
export function formatMethod(method: string): string {
  return METHOD_LABELS[method] ?? method;
}

/** `not_ready` as `Not ready`. */
export function sentenceCase(code: string): string {
  const words = code.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
