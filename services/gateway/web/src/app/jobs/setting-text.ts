/** Settings, their sources and their problems as text. */
import { FieldProblem, SettingView } from '../api/models';

const SOURCES: Record<NonNullable<SettingView['source']>, string> = {
  you: '',
  preset: 'From the preset',
  method: 'By method',
  base: 'By base model',
  data: 'By data',
  machine: 'By machine',
  default: 'Default',
};

/** `By base model: LoRA, 4.72M parameters`. */
export function originText(setting: SettingView | undefined): string {
  if (!setting?.source) return '';
  const source = SOURCES[setting.source];
  return source && setting.reason ? `${source}: ${setting.reason}` : source;
}

export function valueText(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'Yes' : 'No';
  if (typeof value === 'number') return String(Number(value.toPrecision(4)));
  return Array.isArray(value) ? value.join(', ') : String(value ?? '');
}

/** `Must be at most 1.`: pydantic's messages and the platform's own, without the words of an API. */
export function problemText({ detail }: FieldProblem): string {
  const text = detail
    .replaceAll('Input should be a valid integer', 'must be a whole number')
    .replaceAll('Input should be a valid ', 'must be a ')
    .replaceAll('Input should be ', 'must be ')
    .replaceAll('greater than or equal to', 'at least')
    .replaceAll('less than or equal to', 'at most')
    .replace(/\b[a-z]+(_[a-z]+)+\b/g, (name) => name.replaceAll('_', ' '))
    .replace(/, unable to parse.*|, got a number with a fractional part/, '');
  const sentence = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}
