/** Files that the app makes: CSV, and saving from the browser. */

/** The rows as CSV (RFC 4180). */
export function csvLines(rows: readonly (string | number)[][]): string {
  return rows.map((row) => row.map(csvField).join(',') + '\r\n').join('');
}

/** Quoted where it must be; a text that a spreadsheet would calculate begins with an apostrophe. */
function csvField(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Saves a file from the browser. */
export function save(content: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}
