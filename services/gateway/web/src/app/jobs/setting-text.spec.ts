import { SettingView } from '../api/models';
import { originText, problemText, valueText } from './setting-text';

const setting = (changes: Partial<SettingView>): SettingView => ({ name: 'epochs', value: 3, source: 'data', reason: '190 training rows', limits: { type: 'number' } as SettingView['limits'], ...changes });

describe('originText', () => {
  it('names the source and the reason, but not for what the user set', () => {
    expect(originText(setting({}))).toBe('By data: 190 training rows');
    expect(originText(setting({ source: 'default', reason: '' }))).toBe('Default');
    expect(originText(setting({ source: 'you' }))).toBe('');
    expect(originText(undefined)).toBe('');
  });
});

describe('valueText', () => {
  it('writes values as people do', () => {
    expect([true, 3, 0.0005, 'cosine', ['q_proj', 'v_proj']].map(valueText)).toEqual(['Yes', '3', '0.0005', 'cosine', 'q_proj, v_proj']);
  });
});

describe('problemText', () => {
  it('states the limit', () => {
    const text = (detail: string) => problemText({ field: 'epochs', detail, limit: null, remedy: null });
    expect(text('Input should be less than or equal to 1')).toBe('Must be at most 1.');
    expect(text('Input should be a valid integer, got a number with a fractional part')).toBe('Must be a whole number.');
    expect(text('give epochs or max_steps, not both')).toBe('Give epochs or max steps, not both.');
  });
});
