/** A look into the first rows of a file before it is uploaded; only the beginning is read. */
import { Row } from './layouts';

export const EXTENSIONS = ['.txt', '.jsonl', '.json', '.csv', '.parquet', '.zip'];
const LOOKED_AT = 256 * 1024;
const SHOWN = 20;

export interface Peek {
  rows: Row[];
  /** Lines of the beginning that could not be read. */
  bad: { line: number; reason: string }[];
  /** False where a browser cannot look: Parquet and zip. */
  readable: boolean;
}

export function extensionOf(name: string): string {
  return name.includes('.') ? name.slice(name.lastIndexOf('.')).toLowerCase() : '';
}

export async function peek(file: File): Promise<Peek> {
  const extension = extensionOf(file.name);
  if (['.parquet', '.zip'].includes(extension)) return { rows: [], bad: [], readable: false };
  const text = await file.slice(0, LOOKED_AT).text();
  return parse(text, extension, file.size > LOOKED_AT);
}

/** The first rows of `text`; `cut` tells that its last line is incomplete. */
export function parse(text: string, extension: string, cut = false): Peek {
  const whole = cut ? text.slice(0, text.lastIndexOf('\n') + 1) : text;
  switch (extension) {
    case '.csv':
      return { ...csv(whole), readable: true };
    case '.txt':
      return { rows: paragraphs(whole), bad: [], readable: true };
    case '.json':
      return { ...json(text), readable: !cut };
    default:
      return { ...jsonLines(whole), readable: true };
  }
}

function jsonLines(text: string): Pick<Peek, 'rows' | 'bad'> {
  const rows: Row[] = [];
  const bad: Peek['bad'] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (!line.trim()) continue;
    if (rows.length === SHOWN) break;
    const row = object(line);
    if (row) rows.push(row);
    else bad.push({ line: index + 1, reason: 'not a JSON object' });
  }
  return { rows, bad };
}

function json(text: string): Pick<Peek, 'rows' | 'bad'> {
  try {
    const parsed: unknown = JSON.parse(text);
    return { rows: (Array.isArray(parsed) ? parsed : [parsed]).slice(0, SHOWN) as Row[], bad: [] };
  } catch {
    return { rows: [], bad: [{ line: 1, reason: 'not JSON' }] };
  }
}

function object(line: string): Row | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed && !Array.isArray(parsed) ? (parsed as Row) : undefined;
  } catch {
    return undefined;
  }
}

function paragraphs(text: string): Row[] {
  const found = text.split(/\n\s*\n/).map((part) => part.trim());
  return found.filter(Boolean).slice(0, SHOWN).map((part) => ({ text: part }));
}

function csv(text: string): Pick<Peek, 'rows' | 'bad'> {
  const [header, ...lines] = records(text);
  if (!header) return { rows: [], bad: [] };
  const bad: Peek['bad'] = [];
  const rows = lines.slice(0, SHOWN).map((cells, index) => {
    if (cells.length !== header.length) bad.push({ line: index + 2, reason: `${cells.length} cells, ${header.length} columns` });
    return Object.fromEntries(header.map((column, i) => [column.trim(), cells[i] ?? '']));
  });
  return { rows, bad };
}

/** CSV by RFC 4180: quoted cells may hold commas, line breaks and doubled quotes. */
function records(text: string): string[][] {
  const found: string[][] = [];
  let cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') [cell, i] = [cell + '"', i + 1];
      else if (c === '"') quoted = false;
      else cell += c;
    } else if (c === '"') quoted = true;
    else if (c === ',') [cells, cell] = [[...cells, cell], ''];
    else if (c === '\n') [found[found.length], cells, cell] = [[...cells, cell.replace(/\r$/, '')], [], ''];
    else cell += c;
  }
  if (cell || cells.length) found.push([...cells, cell]);
  return found;
}
