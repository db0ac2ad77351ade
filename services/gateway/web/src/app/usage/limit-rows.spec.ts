import { limitRow, toAmount } from './limit-rows';

describe('limitRow', () => {
  it('shows usage and limit in their units', () => {
    expect(limitRow({ per: 'project', name: 'stored_bytes', limit: 2e9, used: 5e8 })).toEqual({
      ...{ name: 'stored_bytes', label: 'Stored data', fieldLabel: 'Stored data (GB)', used: '500 MB', limit: '2.0 GB', field: 2 },
      ratio: { used: 5e8, limit: 2e9 },
    });
    expect(toAmount('stored_bytes', 2.5)).toBe(2.5e9);
  });

  it('has no bar without a limit', () => {
    expect(limitRow({ per: 'key', name: 'requests_per_minute', limit: null, used: null })).toMatchObject({ used: 'not counted', limit: 'no limit', field: null, ratio: undefined });
  });
});
