import { ago, duration, figure, parameters, size } from './format';

describe('format', () => {
  it('says sizes', () => {
    expect([size(0), size(999), size(1500), size(123_456_789), size(null)]).toEqual(['0 B', '999 B', '1.5 kB', '123 MB', '–']);
  });

  it('says durations', () => {
    expect([duration(4.4), duration(65), duration(7260), duration(undefined)]).toEqual(['4 s', '1 min 5 s', '2 h 1 min', '–']);
  });

  it('says moments', () => {
    const now = new Date('2026-01-02T12:00:00Z');
    expect(ago('2026-01-02T11:59:55Z', now)).toBe('just now');
    expect(ago('2026-01-02T11:55:00Z', now)).toBe('5 minutes ago');
    expect(ago('2026-01-01T12:00:00Z', now)).toBe('yesterday');
  });

  it('says figures and model sizes', () => {
    expect([figure(0.006), figure(12.3456), figure(0.0000123), figure(NaN)]).toEqual(['0.006', '12.35', '1.23e-5', '–']);
    expect([parameters(5_110_528), parameters(999_900_000), parameters(7_240_000_000)]).toEqual(['5.1 M', '1.0 B', '7.2 B']);
  });
});
