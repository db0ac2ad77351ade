import { LogLine } from './job-history';
import { LogFilter } from './log-filter';

const line = (seq: number, level: string, message: string): LogLine => ({ seq, time: '', level, message });

describe('LogFilter', () => {
  const lines = [line(1, 'debug', 'Loading'), line(2, 'warning', 'Slow disk'), line(3, 'error', 'No memory')];

  it('keeps lines of the level and above', () => {
    expect(new LogFilter().apply(lines, '', 'warning').map((line) => line.seq)).toEqual([2, 3]);
  });

  it('ignores case', () => {
    expect(new LogFilter().apply(lines, 'DISK', 'debug').map((line) => line.seq)).toEqual([2]);
  });

  it('finds appended lines and starts over for a new filter', () => {
    const filter = new LogFilter();
    const growing = [...lines];
    filter.apply(growing, 'memory', 'debug');
    growing.push(line(4, 'info', 'memory again'));
    expect(filter.apply(growing, 'memory', 'debug').map((line) => line.seq)).toEqual([3, 4]);
    expect(filter.apply(growing, '', 'debug')).toHaveLength(4);
  });
});
