/** Previews the first rows of a file before it is uploaded; reads only its beginning. */
import { Row } from './layouts';

export const FILE_EXTENSIONS = ['.txt', '.jsonl', '.ndjson', '.json', '.csv', '.tsv', '.gz', '.parquet', '.arrow', '.zip'];
const MAX_PREVIEW_BYTES = 256 * 1024;
const MAX_PREVIEW_ROWS = 20;

export interface FilePreview {
  rows: Row[];
  /** Lines that could not be parsed. */
  errors: { line: number; reason: string }[];
  /** False for files that the browser cannot parse: TSV, gzip, Parquet, Arrow, zip and large JSON. */
  supported: boolean;
}

type ParsedRows = Pick<FilePreview, 'rows' | 'errors'>;

export function fileExtension(name: string): string {
  const lower = name.toLowerCase().replace(/\.(jsonl|ndjson|json|csv|tsv)\.txt$/, '.$1'); // as Windows names them, with known extensions hidden
  return lower.includes('.') ? lower.slice(lower.lastIndexOf('.')) : '';
}

export async function previewFile(file: File): Promise<FilePreview> {
  const extension = fileExtension(file.name);
  if (['.tsv', '.gz', '.parquet', '.arrow', '.zip'].includes(extension)) return { rows: [], errors: [], supported: false };
  const text = await file.slice(0, MAX_PREVIEW_BYTES).text();
  return parseRows(text, extension, file.size > MAX_PREVIEW_BYTES);
}

/** The first rows of `text`. With `truncated`, the last line is incomplete and ignored. */
export function parseRows(text: string, extension: string, truncated = false): FilePreview {
  const completeLines = truncated ? text.slice(0, text.lastIndexOf('\n') + 1) : text;
  switch (extension) {
    case '.csv':
      return { ...parseCsv(completeLines), supported: true };
    case '.txt':
      return { rows: splitParagraphs(completeLines), errors: [], supported: true };
    case '.json':
      return { ...parseJson(text), supported: !truncated };
    default:
      return { ...parseJsonLines(completeLines), supported: true };
  }
}

function parseJsonLines(text: string): ParsedRows {
  const rows: Row[] = [];
  const errors: FilePreview['errors'] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (!line.trim()) continue;
    if (rows.length === MAX_PREVIEW_ROWS) break;
    const row = parseObject(line);
    if (row) rows.push(row);
    else errors.push({ line: index + 1, reason: 'not a JSON object' });
  }
  return { rows, errors };
}

function parseJson(text: string): ParsedRows {
  try {
    const parsed: unknown = JSON.parse(text);
    return { rows: (Array.isArray(parsed) ? parsed : [parsed]).slice(0, MAX_PREVIEW_ROWS) as Row[], errors: [] };
  } catch {
    return { rows: [], errors: [{ line: 1, reason: 'not valid JSON' }] };
  }
}

function parseObject(line: string): Row | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed && !Array.isArray(parsed) ? (parsed as Row) : undefined;
  } catch {
    return undefined;
  }
}

function splitParagraphs(text: string): Row[] {
  const paragraphs = text.split(/\n\s*\n/).map((paragraph) => paragraph.trim());
  return paragraphs.filter(Boolean).slice(0, MAX_PREVIEW_ROWS).map((paragraph) => ({ text: paragraph }));
}

function parseCsv(text: string): ParsedRows {
  const [header, ...records] = csvRecords(text);
  if (!header) return { rows: [], errors: [] };
  const errors: FilePreview['errors'] = [];
  const rows = records.slice(0, MAX_PREVIEW_ROWS).map((cells, index) => {
    if (cells.length !== header.length) errors.push({ line: index + 2, reason: `${cells.length} cells, ${header.length} columns` });
    return Object.fromEntries(header.map((column, i) => [column.trim(), cells[i] ?? '']));
  });
  return { rows, errors };
}

/** CSV by RFC 4180: quoted cells may contain commas, line breaks and doubled quotes. */
function csvRecords(text: string): string[][] {
  const records: string[][] = [];
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
    else if (c === '\n') [records[records.length], cells, cell] = [[...cells, cell.replace(/\r$/, '')], [], ''];
    else cell += c;
  }
  if (cell || cells.length) records.push([...cells, cell]);
  return records;
}
