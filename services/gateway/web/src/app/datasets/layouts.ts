/** Detecting the layout of a file and mapping its columns, to preview it before it is uploaded. */
import { ALIASES, Layout, LAYOUTS } from './layouts.generated';

export type Row = Record<string, unknown>;

/** The first layout whose required fields all have a column of that name or one of its other names, ignoring case and surrounding whitespace. */
export function detectLayout(columns: string[]): Layout | undefined {
  const present = new Set(columns.map((column) => column.trim().toLowerCase()));
  return LAYOUTS.find((layout) => layout.required.every((field) => [field, ...(ALIASES[field] ?? [])].some((name) => present.has(name))));
}

/** The columns of all rows, in order of first appearance. */
export function columnsOf(rows: Row[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

/** A mapping from the layout's fields to columns with similar names. */
export function suggestMapping(layout: Layout, columns: string[]): Record<string, string> {
  const synonyms: Record<string, RegExp> = {
    prompt: /prompt|input|question|query|instruction|source|user/i,
    completion: /completion|output|answer|response|target|reply|assistant/i,
    text: /text|content|body|document/i,
    chosen: /chosen|preferred|better|accepted/i,
    rejected: /rejected|worse|refused/i,
    messages: /messages|dialog|chat|conversation/i,
    label: /label|tag|good|desirable/i,
  };
  const unmapped = new Set(columns);
  const mapping: Record<string, string> = {};
  for (const field of layout.required) {
    const column = [...unmapped].find((column) => column.toLowerCase() === field) ?? [...unmapped].find((column) => synonyms[field]?.test(column));
    if (!column) continue;
    mapping[field] = column;
    unmapped.delete(column);
  }
  return mapping;
}

/** The rows with the fields of `mapping` (field to column of the file). */
export function applyMapping(rows: Row[], mapping: Record<string, string>): Row[] {
  return rows.map((row) => Object.fromEntries(Object.entries(mapping).map(([field, column]) => [field, row[column]])));
}

/** Whether every required field has a column. */
export function isComplete(layout: Layout, mapping: Record<string, string>): boolean {
  return layout.required.every((field) => mapping[field]);
}
