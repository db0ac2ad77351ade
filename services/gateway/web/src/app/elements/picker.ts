/** A searchable choice of one of many things, each with details and a badge: a combobox with a list. */
import { Component, computed, ElementRef, input, output, signal, viewChild } from '@angular/core';
import { MatAutocomplete, MatAutocompleteTrigger, MatOption } from '@angular/material/autocomplete';
import { ErrorStateMatcher } from '@angular/material/core';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';

export interface PickerOption {
  value: string;
  label: string;
  detail: string;
  badge?: { text: string; variant: 'success' | 'warning' | 'error' };
}

@Component({
  selector: 'an-picker',
  imports: [MatAutocomplete, MatAutocompleteTrigger, MatFormFieldModule, MatInput, MatOption],
  template: `
    <mat-form-field appearance="outline" subscriptSizing="dynamic" floatLabel="always">
      <mat-label>{{ label() }}</mat-label>
      <input
        #box matInput [name]="name()" autocomplete="off" [errorStateMatcher]="matcher" [placeholder]="placeholder()" [value]="shown()"
        [matAutocomplete]="list" (focus)="open()" (input)="search.set(box.value)" (blur)="restore()"
      />
      <mat-autocomplete #list (optionSelected)="select($event.option.value)" (closed)="restore()" [displayWith]="labelOf">
        @for (option of found(); track option.value) {
          <mat-option [value]="option.value">
            <span class="option">
              <span class="grow">{{ option.label }}<small>{{ option.detail }}</small></span>
              @if (option.badge; as badge) {
                <span class="chip" [class]="badge.variant">{{ badge.text }}</span>
              }
            </span>
          </mat-option>
        } @empty {
          <mat-option disabled>Nothing matches “{{ search() }}”</mat-option>
        }
      </mat-autocomplete>
      <mat-hint><ng-content /></mat-hint>
      @if (problem(); as text) {
        <mat-error>{{ text }}</mat-error>
      }
    </mat-form-field>
  `,
  styles: `
    .option { display: flex; align-items: center; gap: 0.75rem; padding: 0.35rem 0; line-height: 1.35; }
    .grow { flex: 1; min-width: 0; overflow-wrap: anywhere; }
    small { display: block; color: var(--text-muted); }
  `,
})
export class Picker {
  readonly label = input.required<string>();
  readonly name = input.required<string>();
  readonly options = input.required<readonly PickerOption[]>();
  readonly value = input.required<string>();
  readonly placeholder = input('');
  readonly problem = input<string>();
  readonly valueChange = output<string>();
  /** The list is opened. */
  readonly opened = output<void>();

  protected readonly search = signal('');
  protected readonly found = computed(() => {
    const words = this.search().toLowerCase().split(/\s+/).filter(Boolean);
    return this.options().filter(({ label, detail }) => words.every((word) => `${label} ${detail}`.toLowerCase().includes(word)));
  });
  protected readonly shown = computed(() => this.labelOf(this.value()));
  protected readonly matcher: ErrorStateMatcher = { isErrorState: () => Boolean(this.problem()) };
  private readonly box = viewChild.required<ElementRef<HTMLInputElement>>('box');
  protected readonly labelOf = (value: string): string => this.options().find((option) => option.value === value)?.label ?? value;

  protected open(): void {
    this.box().nativeElement.select();
    this.opened.emit();
  }

  protected select(value: string): void {
    this.search.set('');
    this.valueChange.emit(value);
  }

  /** Shows what is selected instead of an unfinished search. */
  protected restore(): void {
    this.search.set('');
    this.box().nativeElement.value = this.shown();
  }
}
