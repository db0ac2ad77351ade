import { SAMPLING_RANGES } from '../api/sampling-ranges';
import { DEFAULT_SAMPLING, readTools } from './chat';
import { isValid, rangeProblem, rangeText } from './sampling-fields';

describe('sampling ranges', () => {
  it('are those of the schema, in words', () => {
    expect(rangeText(SAMPLING_RANGES['temperature']!)).toBe('0 to 2');
    expect(rangeText(SAMPLING_RANGES['top_p']!)).toBe('above 0, up to 1');
    expect(rangeText(SAMPLING_RANGES['max_tokens']!)).toBe('1 to 1,000,000');
    expect(rangeText(SAMPLING_RANGES['seed']!)).toBe('');
  });

  it('refuse what the API would refuse', () => {
    expect(rangeProblem(SAMPLING_RANGES['temperature']!, 2.5)).toBe('0 to 2');
    expect(rangeProblem(SAMPLING_RANGES['top_p']!, 0)).toBe('above 0, up to 1');
    expect(rangeProblem(SAMPLING_RANGES['max_tokens']!, 1.5)).toBe('a whole number');
    expect(isValid(DEFAULT_SAMPLING)).toBe(true);
    expect(isValid({ ...DEFAULT_SAMPLING, max_tokens: 0 })).toBe(false);
  });
});

describe('tools', () => {
  it('are a list, one function, or the functions alone', () => {
    const tool = { type: 'function', function: { name: 'f' } };
    expect(readTools('')).toEqual({});
    expect(readTools(JSON.stringify([tool]))).toEqual({ tools: [tool] });
    expect(readTools('{"name": "f"}')).toEqual({ tools: [tool] });
    expect(readTools('[{"name": "f"}, {}]').problem).toContain('Function 2');
    expect(readTools('{').problem).toContain('No JSON');
  });
});
