/** A training setting in a form: the value that will be used and where it comes from, until the user sets another; its problem below it. */
import { Component, computed, input, output } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { ErrorStateMatcher } from '@angular/material/core';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';

import { SettingView } from '../api/models';
import { originText, valueText } from './setting-text';
import { Field } from './settings-fields';

@Component({
  selector: 'an-setting-field',
  imports: [FormsModule, MatFormFieldModule, MatInput],
  template: `
    <mat-form-field appearance="outline" subscriptSizing="dynamic" floatLabel="always">
      <mat-label>{{ field().label }}</mat-label>
      @if (field().kind === 'choice') {
        <select matNativeControl [name]="field().name" [errorStateMatcher]="matcher" [ngModel]="value()" (ngModelChange)="valueChange.emit($event)">
          <option [ngValue]="''">{{ placeholder() }}</option>
          @for (option of field().choices; track option) {
            <option [ngValue]="option">{{ valueText(option) }}</option>
          }
        </select>
      } @else {
        <input
          matInput [type]="field().kind" [name]="field().name" [placeholder]="placeholder()" [errorStateMatcher]="matcher"
          [attr.min]="limits()?.minimum ?? limits()?.above ?? null" [attr.max]="limits()?.maximum ?? limits()?.below ?? null" [attr.step]="field().step ?? null"
          [ngModel]="value()" (ngModelChange)="emit($event)"
        />
      }
      <mat-hint>{{ field().help }}@if (origin(); as text) {<span class="origin">{{ text }}</span>}</mat-hint>
      @if (problem(); as text) {
        <mat-error>{{ text }}</mat-error>
      }
    </mat-form-field>
  `,
  styles: '.origin { display: block; color: var(--text-muted); }',
})
export class SettingField {
  readonly field = input.required<Field>();
  /** What the user set; empty: nothing. */
  readonly value = input.required<unknown>();
  /** The setting as the platform resolves it; undefined until it has. */
  readonly setting = input<SettingView>();
  /** Why a job would be refused for the value. */
  readonly problem = input<string>();
  readonly valueChange = output<unknown>();

  protected readonly valueText = valueText;
  protected readonly limits = computed(() => this.setting()?.limits);
  private readonly unset = computed(() => this.value() === '' || this.value() === null);
  protected readonly placeholder = computed(() => {
    const setting = this.setting();
    if (!setting?.source) return '';
    return setting.value === null || setting.value === undefined ? (this.field().none ?? 'None') : valueText(setting.value);
  });
  protected readonly origin = computed(() => (this.unset() && this.setting()?.value != null ? originText(this.setting()) : ''));
  protected readonly matcher: ErrorStateMatcher = { isErrorState: () => Boolean(this.problem()) };

  /** `type` is bound, so Angular reports numbers as text. */
  protected emit(value: unknown): void {
    this.valueChange.emit(this.field().kind === 'number' && value ? Number(value) : (value ?? ''));
  }
}
