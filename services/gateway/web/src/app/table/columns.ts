/** The columns and filters of a table: what a row shows, what to sort and to group by. */
import { formatMetric } from '../elements/format';

/** A value to sort by; null sorts last. */
export type Value = string | number | null;

export interface Column<T> {
  name: string;
  label: string;
  numeric: boolean;
  /** What comes first in ascending and in descending order. */
  first: [string, string];
  value: (row: T) => Value;
  text: (row: T) => string;
  /** How a cell is drawn; `custom` by the page's template. Without it: as text. */
  kind?: 'state' | 'time' | 'custom';
  /** The router link of a cell. */
  link?: (row: T) => unknown[] | undefined;
  /** The warnings of a state. */
  warnings?: (row: T) => readonly unknown[] | null | undefined;
}

export interface Filter<T> {
  /** The query parameter. */
  name: string;
  /** The choice that filters nothing: `All methods`. */
  all: string;
  value: (row: T) => string | readonly string[];
  format?: (value: string) => string;
  /** Fixed values, shown as a row of buttons; without them, the values that the rows have. */
  values?: readonly string[];
}

const as = (value: string) => value || '–';

export function textColumn<T>(name: string, label: string, value: (row: T) => string | null | undefined, more: { format?: (value: string) => string; link?: (row: T) => unknown[] | undefined } = {}): Column<T> {
  const { format = as, link } = more;
  return { name, label, numeric: false, first: ['A–Z', 'Z–A'], value: (row) => value(row) || null, text: (row) => format(value(row) ?? ''), link };
}

export function numberColumn<T>(name: string, label: string, value: (row: T) => number | null | undefined, format: (value: number | null | undefined) => string = formatMetric): Column<T> {
  return { name, label, numeric: true, first: ['lowest first', 'highest first'], value: (row) => value(row) ?? null, text: (row) => format(value(row)) };
}

export function timeColumn<T>(name: string, label: string, value: (row: T) => string | null): Column<T> {
  return { name, label, numeric: true, first: ['oldest first', 'newest first'], kind: 'time', value, text: (row) => value(row) ?? '' };
}

export function stateColumn<T>(value: (row: T) => string, warnings?: (row: T) => readonly unknown[] | null | undefined): Column<T> {
  return { name: 'state', label: 'State', numeric: false, first: ['A–Z', 'Z–A'], kind: 'state', value, text: value, warnings };
}
