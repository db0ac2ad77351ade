import { countText, formatBytes, formatDuration, formatMethod, formatMetric, formatParameters, formatRelativeTime, sentenceCase } from './format';

describe('format', () => {
  it('formats sizes in bytes', () => {
    expect([formatBytes(0), formatBytes(999), formatBytes(1500), formatBytes(123_456_789), formatBytes(null)]).toEqual(['0 B', '999 B', '1.5 kB', '123 MB', '–']);
  });

  it('formats durations', () => {
    expect([formatDuration(4.4), formatDuration(65), formatDuration(7260), formatDuration(undefined)]).toEqual(['4 s', '1 min 5 s', '2 h 1 min', '–']);
  });

  it('formats relative times', () => {
    const now = new Date('2026-01-02T12:00:00Z');
    expect(formatRelativeTime('2026-01-02T11:59:55Z', now)).toBe('just now');
    expect(formatRelativeTime('2026-01-02T11:55:00Z', now)).toBe('5 minutes ago');
    expect(formatRelativeTime('2026-01-01T12:00:00Z', now)).toBe('yesterday');
  });

  it('formats metrics and parameter counts', () => {
    expect([formatMetric(0.006), formatMetric(12.3456), formatMetric(0.0000123), formatMetric(NaN)]).toEqual(['0.006', '12.35', '1.23e-5', '–']);
    expect([formatParameters(5_110_528), formatParameters(999_900_000), formatParameters(7_240_000_000)]).toEqual(['5.1 M', '1.0 B', '7.2 B']);
  });

  it('formats training methods', () => {
    expect([formatMethod('lora'), formatMethod('full')]).toEqual(['LoRA', 'Full']);
  });

  it('says how often a warning applies, and an example', () => {
    expect([countText(1200, 'my_data.jsonl:7'), countText(3), countText(null, 'a_b'), countText()]).toEqual(['1,200 found, for example my_data.jsonl:7', '3 found', 'For example a_b', '']);
  });

  it('turns codes into sentence case', () => {
    expect([sentenceCase('not_ready'), sentenceCase('')]).toEqual(['Not ready', '']);
  });
});
