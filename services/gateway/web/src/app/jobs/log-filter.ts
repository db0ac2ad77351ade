/** Log lines by level and words; only what is new since the last question is looked at. */
import { LogLine } from './history';

export const LEVELS = ['debug', 'info', 'warning', 'error'] as const;
export type Level = (typeof LEVELS)[number];

export class LogFilter {
  private found: LogLine[] = [];
  private looked = 0;
  private asked = '';
  private source?: LogLine[];

  /** Lines of at least `level` that contain `query`, whatever its case. The list is this filter's own: copy to keep. */
  of(lines: LogLine[], query: string, level: Level): LogLine[] {
    const asked = `${level}/${query}`;
    if (asked !== this.asked || lines !== this.source || lines.length < this.looked) {
      [this.found, this.looked, this.asked, this.source] = [[], 0, asked, lines];
    }
    const words = query.toLowerCase();
    const least = LEVELS.indexOf(level);
    for (; this.looked < lines.length; this.looked++) {
      const line = lines[this.looked] as LogLine;
      const rank = LEVELS.indexOf(line.level as Level);
      if ((rank < 0 || rank >= least) && (!words || line.message.toLowerCase().includes(words))) this.found.push(line);
    }
    return this.found;
  }
}
