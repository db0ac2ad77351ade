/** The sampling parameters, with the ranges that the API's schema states. */
import { Component, inject } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';

import { Range, SAMPLING_RANGES } from '../api/sampling-ranges';
import { Chat, SamplingParameters } from './chat';

type NumberName = Exclude<keyof SamplingParameters, 'system'>;

interface NumberField {
  name: NumberName;
  label: string;
  step: string;
  note?: string;
}

const FIELDS: NumberField[] = [
  { name: 'temperature', label: 'Temperature', step: '0.1', note: '0 is greedy' },
  { name: 'max_tokens', label: 'Max tokens', step: '1' },
  { name: 'top_p', label: 'Top-p', step: '0.05' },
  { name: 'top_k', label: 'Top-k', step: '1', note: '0 is all' },
  { name: 'repetition_penalty', label: 'Repetition penalty', step: '0.05', note: '1 is none' },
  { name: 'seed', label: 'Seed, or empty', step: '1', note: 'empty: other answers each time' },
];

/** `0 to 2`, `above 0, up to 10` or `1 or more`. */
export function rangeText({ minimum, exclusiveMinimum, maximum }: Range): string {
  const format = (value: number) => value.toLocaleString('en');
  const upper = maximum === undefined ? '' : format(maximum);
  if (exclusiveMinimum !== undefined) return `above ${format(exclusiveMinimum)}${upper && `, up to ${upper}`}`;
  if (minimum === undefined || Math.abs(minimum) > Number.MAX_SAFE_INTEGER) return '';
  return upper ? `${format(minimum)} to ${upper}` : `${format(minimum)} or more`;
}

/** What is wrong with a value, or null. */
export function rangeProblem(range: Range, value: number | null): string | null {
  if (value === null || (range.minimum ?? -Infinity) > value || (range.maximum ?? Infinity) < value || value <= (range.exclusiveMinimum ?? -Infinity)) return rangeText(range) || null;
  return range.integer && !Number.isInteger(value) ? 'a whole number' : null;
}

@Component({
  selector: 'an-sampling',
  imports: [FormsModule, MatFormFieldModule, MatInput],
  template: `
    @let sampling = chat.sampling();
    <div class="fields">
      @for (field of fields; track field.name) {
        <mat-form-field appearance="outline" subscriptSizing="dynamic" [class.full-row]="field.label.length > 12">
          <mat-label>{{ field.label }}</mat-label>
          <input matInput type="number" [step]="field.step" [attr.aria-invalid]="problem(field.name, sampling[field.name]) !== null" [ngModel]="sampling[field.name]" (ngModelChange)="set(field.name, $event)" />
          @if (problem(field.name, sampling[field.name]); as wrong) {
            <mat-hint><span class="error-text">{{ field.label }}: {{ wrong }}</span></mat-hint>
          } @else {
            <mat-hint>{{ hint(field) }}</mat-hint>
          }
        </mat-form-field>
      }
    </div>
    <mat-form-field appearance="outline" subscriptSizing="dynamic">
      <mat-label>System prompt</mat-label>
      <textarea matInput rows="2" [ngModel]="sampling.system" (ngModelChange)="set('system', $event)"></textarea>
    </mat-form-field>
  `,
  styles: `.fields { grid-template-columns: repeat(auto-fill, minmax(min(100%, 7.5rem), 1fr)); margin: 0.6rem 0 0.9rem; } .full-row { grid-column: 1 / -1; }`,
})
export class SamplingFields {
  protected readonly chat = inject(Chat);
  protected readonly fields = FIELDS;

  protected set(name: keyof SamplingParameters, value: unknown): void {
    this.chat.sampling.update((sampling) => ({ ...sampling, [name]: value }));
  }

  protected hint(field: NumberField): string {
    return [rangeText(SAMPLING_RANGES[field.name] ?? {}), field.note].filter(Boolean).join('; ');
  }

  protected problem(name: NumberName, value: number | null): string | null {
    return name === 'seed' && value === null ? null : rangeProblem(SAMPLING_RANGES[name] ?? {}, value);
  }
}

/** Whether every parameter is within its range. */
export function isValid(sampling: SamplingParameters): boolean {
  return FIELDS.every(({ name }) => (name === 'seed' && sampling.seed === null) || rangeProblem(SAMPLING_RANGES[name] ?? {}, sampling[name]) === null);
}
