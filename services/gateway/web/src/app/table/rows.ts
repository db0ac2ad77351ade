/** Which rows a table shows, in which order and groups, and the rows as a file. */
import { csvLines } from '../elements/files';
import { Column, Filter, Value } from './columns';

/** The rows that have every word of the query in their searched text, whatever the case, and every chosen value. */
export function filterRows<T>(rows: readonly T[], query: string, searched: (row: T) => string, filters: readonly Filter<T>[], chosen: (name: string) => string | undefined): T[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const used = filters.map((filter) => ({ filter, value: chosen(filter.name) })).filter(({ value }) => value);
  return rows.filter((row) => {
    if (used.some(({ filter, value }) => ![filter.value(row)].flat().includes(value!))) return false;
    const text = words.length ? searched(row).toLowerCase() : '';
    return words.every((word) => text.includes(word));
  });
}

/** A new array ordered by a column's name, descending with a leading minus. Rows without a value come last. */
export function sortRows<T>(rows: readonly T[], sort: string, columns: readonly Column<T>[]): T[] {
  const descending = sort.startsWith('-');
  const column = columns.find((each) => each.name === sort.slice(Number(descending)));
  if (!column) return [...rows];
  const keyed = rows.map((row) => ({ row, value: column.value(row) }));
  keyed.sort((a, b) => (a.value === null || b.value === null ? Number(a.value === null) - Number(b.value === null) : compare(a.value, b.value) * (descending ? -1 : 1)));
  return keyed.map(({ row }) => row);
}

const names = new Intl.Collator('en', { numeric: true });

function compare(a: Value, b: Value): number {
  return typeof a === 'number' ? a - (b as number) : names.compare(a as string, b as string);
}

export interface Group<T> {
  /** The value that the rows share; undefined without groups. */
  label?: string;
  rows: T[];
}

/** The rows by a column's text, in the order in which its values first come; within a group, the order stays. */
export function groupRows<T>(rows: readonly T[], column: Column<T> | undefined): Group<T>[] {
  if (!column) return [{ rows: [...rows] }];
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const label = column.text(row);
    const members = groups.get(label);
    if (members) members.push(row);
    else groups.set(label, [row]);
  }
  return [...groups].map(([label, members]) => ({ label, rows: members }));
}

/** The groups of one page, where pages are cut through the rows of all groups. */
export function pageOf<T>(groups: readonly Group<T>[], from: number, size: number): Group<T>[] {
  const shown: Group<T>[] = [];
  let start = 0;
  for (const { label, rows } of groups) {
    const part = rows.slice(Math.max(0, from - start), Math.max(0, from + size - start));
    if (part.length) shown.push({ label, rows: part });
    start += rows.length;
  }
  return shown;
}

/** The shown columns of the rows as CSV, with their ids; numbers are not rounded. */
export function rowsToCsv<T extends { id: string }>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const cells = (row: T) => columns.map((column) => (column.numeric && column.kind !== 'custom' ? (column.value(row) ?? '') : column.text(row)));
  return csvLines([['id', ...columns.map((column) => column.label)], ...rows.map((row) => [row.id, ...cells(row)])]);
}
