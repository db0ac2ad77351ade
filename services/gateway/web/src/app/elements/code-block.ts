/** A command or a secret with a copy button. */
import { Component, ElementRef, input, signal, viewChild } from '@angular/core';
import { MatIconButton } from '@angular/material/button';

import { Icon } from './icon';

const COPIED_MS = 2000;

@Component({
  selector: 'an-code-block',
  imports: [Icon, MatIconButton],
  template: `
    <div class="code-block">
      <pre #block tabindex="0" [attr.aria-label]="label()">{{ text() }}</pre>
      <button matIconButton [attr.aria-label]="copied() ? 'Copied' : 'Copy ' + label()" (click)="copy()">
        <an-icon [name]="copied() ? 'check' : 'copy'" />
      </button>
    </div>
  `,
})
export class CodeBlock {
  readonly text = input.required<string>();
  readonly label = input('command');
  private readonly block = viewChild.required<ElementRef<HTMLElement>>('block');
  protected readonly copied = signal(false);

  protected async copy(): Promise<void> {
    if (navigator.clipboard) await navigator.clipboard.writeText(this.text());
    else this.select();
    this.copied.set(Boolean(navigator.clipboard));
    setTimeout(() => this.copied.set(false), COPIED_MS);
  }

  /** Selects the text for Ctrl+C: the clipboard API needs a secure context. */
  private select(): void {
    getSelection()?.selectAllChildren(this.block().nativeElement);
  }
}
