import { LogLine } from './history';
import { LogFilter } from './log-filter';

const line = (seq: number, level: string, message: string): LogLine => ({ seq, time: '', level, message });

describe('LogFilter', () => {
  const lines = [line(1, 'debug', 'Loading'), line(2, 'warning', 'Slow disk'), line(3, 'error', 'No memory')];

  it('shows a level and what is above it', () => {
    expect(new LogFilter().of(lines, '', 'warning').map((found) => found.seq)).toEqual([2, 3]);
  });

  it('searches whatever the case', () => {
    expect(new LogFilter().of(lines, 'DISK', 'debug').map((found) => found.seq)).toEqual([2]);
  });

  it('finds new lines too, and starts over for a new question', () => {
    const filter = new LogFilter();
    const growing = [...lines];
    filter.of(growing, 'memory', 'debug');
    growing.push(line(4, 'info', 'memory again'));
    expect(filter.of(growing, 'memory', 'debug').map((found) => found.seq)).toEqual([3, 4]);
    expect(filter.of(growing, '', 'debug')).toHaveLength(4);
  });
});
