/** The layouts of rows that the platform recognises (services/dataset/formats.py), to see before an upload what will happen. */

export interface Layout {
  name: string;
  required: string[];
  optional: string[];
}

export const LAYOUTS: Layout[] = [
  { name: 'preference', required: ['chosen', 'rejected'], optional: ['prompt', 'messages', 'conversations', 'system', 'tools'] },
  { name: 'OpenAI preference', required: ['input', 'preferred_output', 'non_preferred_output'], optional: [] },
  { name: 'messages', required: ['messages'], optional: ['system', 'tools'] },
  { name: 'conversations', required: ['conversations'], optional: ['system', 'tools'] },
  { name: 'instruction/input/output', required: ['instruction', 'output'], optional: ['input', 'system'] },
  { name: 'prompt/completion', required: ['prompt', 'completion'], optional: ['system', 'tools'] },
  { name: 'prompt/response', required: ['prompt', 'response'], optional: ['system', 'tools'] },
  { name: 'question/answer', required: ['question', 'answer'], optional: ['system'] },
  { name: 'text', required: ['text'], optional: [] },
];

export type Row = Record<string, unknown>;

/** The first layout whose required columns are all there; case and surrounding spaces do not matter. */
export function layoutOf(columns: string[]): Layout | undefined {
  const present = new Set(columns.map((column) => column.trim().toLowerCase()));
  return LAYOUTS.find((layout) => layout.required.every((column) => present.has(column)));
}

/** Every column of the rows, in order of first appearance. */
export function columnsOf(rows: Row[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

/** A mapping that suggests itself: columns of the file whose names are near ours. */
export function suggest(layout: Layout, columns: string[]): Record<string, string> {
  const near: Record<string, RegExp> = {
    prompt: /prompt|input|question|query|instruction|source|user/i,
    completion: /completion|output|answer|response|target|reply|assistant/i,
    response: /response|output|answer|completion|reply|assistant/i,
    question: /question|query|prompt|input/i,
    answer: /answer|response|output|completion/i,
    instruction: /instruction|prompt|task/i,
    output: /output|response|answer|completion/i,
    text: /text|content|body|document/i,
    chosen: /chosen|preferred|better|accepted/i,
    rejected: /rejected|worse|refused/i,
    messages: /messages|dialog|chat/i,
    conversations: /conversation/i,
  };
  const free = new Set(columns);
  const mapping: Record<string, string> = {};
  for (const ours of layout.required) {
    const theirs = [...free].find((column) => column.toLowerCase() === ours) ?? [...free].find((column) => near[ours]?.test(column));
    if (!theirs) continue;
    mapping[ours] = theirs;
    free.delete(theirs);
  }
  return mapping;
}

/** The rows as they will be read with `mapping` (our column -> the file's). */
export function mapped(rows: Row[], mapping: Record<string, string>): Row[] {
  return rows.map((row) => Object.fromEntries(Object.entries(mapping).map(([ours, theirs]) => [ours, row[theirs]])));
}

/** True once every required column has one of the file's. */
export function complete(layout: Layout, mapping: Record<string, string>): boolean {
  return layout.required.every((column) => mapping[column]);
}
