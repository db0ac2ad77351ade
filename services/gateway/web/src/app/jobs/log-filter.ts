/** Filters log lines by level and text. Repeated calls with the same filter scan only new lines. */
import { LogLine } from './job-history';

export const LEVELS = ['debug', 'info', 'warning', 'error'] as const;
export type Level = (typeof LEVELS)[number];

export class LogFilter {
  private matches: LogLine[] = [];
  private scanned = 0;
  private filterKey = '';
  private source?: LogLine[];

  /** Lines of at least `level` that contain `query`, ignoring case. The returned array is reused by the next call. */
  apply(lines: LogLine[], query: string, level: Level): LogLine[] {
    const filterKey = `${level}/${query}`;
    if (filterKey !== this.filterKey || lines !== this.source || lines.length < this.scanned) {
      [this.matches, this.scanned, this.filterKey, this.source] = [[], 0, filterKey, lines];
    }
    const text = query.toLowerCase();
    const minRank = LEVELS.indexOf(level);
    for (; this.scanned < lines.length; this.scanned++) {
      const line = lines[this.scanned] as LogLine;
      const rank = LEVELS.indexOf(line.level as Level);
      if ((rank < 0 || rank >= minRank) && (!text || line.message.toLowerCase().includes(text))) this.matches.push(line);
    }
    return this.matches;
  }
}
