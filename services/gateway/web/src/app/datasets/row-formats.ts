/** The row formats that the platform detects (services/dataset/formats.py), to preview a file before it is uploaded. */

export interface RowFormat {
  name: string;
  required: string[];
  optional: string[];
}

export const ROW_FORMATS: RowFormat[] = [
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

/** The first format whose required fields all have a column of that name, ignoring case and surrounding whitespace. */
export function detectFormat(columns: string[]): RowFormat | undefined {
  const present = new Set(columns.map((column) => column.trim().toLowerCase()));
  return ROW_FORMATS.find((format) => format.required.every((field) => present.has(field)));
}

/** The columns of all rows, in order of first appearance. */
export function columnsOf(rows: Row[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

/** A mapping from the format's fields to columns with similar names. */
export function suggestMapping(format: RowFormat, columns: string[]): Record<string, string> {
  const synonyms: Record<string, RegExp> = {
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
  const unmapped = new Set(columns);
  const mapping: Record<string, string> = {};
  for (const field of format.required) {
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
export function isComplete(format: RowFormat, mapping: Record<string, string>): boolean {
  return format.required.every((field) => mapping[field]);
}
