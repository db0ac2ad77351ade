/** What of a file the platform reads for the preview before its upload. */
export const FILE_EXTENSIONS = ['.txt', '.jsonl', '.ndjson', '.json', '.csv', '.tsv', '.gz', '.parquet', '.arrow', '.zip'];
/** Files that cannot be read from their beginning alone. */
const WHOLE_EXTENSIONS = ['.parquet', '.arrow', '.zip'];
const MAX_WHOLE_BYTES = 16 * 1024 * 1024;
const BEGINNING_BYTES = 1024 * 1024;

export interface FilePart {
  content: Blob;
  /** Whether the part is the whole file. */
  complete: boolean;
}

export function fileExtension(name: string): string {
  const lower = name.toLowerCase().replace(/\.(jsonl|ndjson|json|csv|tsv)\.txt$/, '.$1'); // as Windows names them, with known extensions hidden
  return lower.includes('.') ? lower.slice(lower.lastIndexOf('.')) : '';
}

/** The part to send; undefined for a large file that cannot be read from its beginning. */
export function partToPreview(file: File): FilePart | undefined {
  if (!WHOLE_EXTENSIONS.includes(fileExtension(file.name))) return { content: file.slice(0, BEGINNING_BYTES), complete: file.size <= BEGINNING_BYTES };
  return file.size <= MAX_WHOLE_BYTES ? { content: file, complete: true } : undefined;
}
