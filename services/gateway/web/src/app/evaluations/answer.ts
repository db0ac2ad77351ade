/** An answer, word by word next to its reference. */
import { Component, computed, input } from '@angular/core';

import { wordDiff } from './word-diff';

@Component({
  selector: 'an-answer',
  template: `<p>@for (part of parts(); track $index) {@if (!showDiff()) {<span>{{ part.text }}</span>} @else if (part.kind === 'inserted') {<ins>{{ part.text }}</ins>} @else if (part.kind === 'deleted') {<del>{{ part.text }}</del>} @else {<span>{{ part.text }}</span>}} @empty {<span class="muted">(empty)</span>}</p>`,
  styles: `
    p { margin: 0.1rem 0 0.3rem; overflow-wrap: anywhere; white-space: pre-wrap; }
    ins { background: var(--warning-soft); color: var(--warning-text); text-decoration: none; border-bottom: 2px solid currentColor; }
    del { background: var(--error-soft); color: var(--error-text); }
  `,
})
export class Answer {
  readonly reference = input.required<string>();
  readonly answer = input.required<string>();
  readonly showDiff = input(true);
  protected readonly parts = computed(() => {
    const parts = wordDiff(this.reference(), this.answer());
    return this.showDiff() ? parts : parts.filter((part) => part.kind !== 'deleted');
  });
}
