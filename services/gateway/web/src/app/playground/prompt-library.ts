/** Saved prompts of the user in this project, in the browser's storage. */
import { Component, computed, effect, inject, input, output, signal, untracked } from '@angular/core';
import { MatButton, MatIconButton } from '@angular/material/button';

import { Icon } from '../elements/icon';
import { injectSession } from '../platform/session';
import { readStored, writeStored } from '../platform/storage';
import { Chat } from './chat';

interface SavedPrompt {
  name: string;
  prompt: string;
  system: string;
}

@Component({
  selector: 'an-prompt-library',
  imports: [Icon, MatButton, MatIconButton],
  template: `
    <ul class="plain-list">
      @for (saved of prompts(); track saved.name) {
        <li class="row">
          <button class="grow entry" type="button" [title]="saved.prompt" (click)="use(saved)">{{ saved.name }}</button>
          <button matIconButton type="button" [attr.aria-label]="'Delete the prompt ' + saved.name" (click)="remove(saved)"><an-icon name="trash" /></button>
        </li>
      } @empty {
        <li class="muted">Type a message, and save it here with the system prompt.</li>
      }
    </ul>
    <form class="row" (submit)="$event.preventDefault(); save(name.value); name.value = ''">
      <input #name class="grow" aria-label="Name of the prompt" placeholder="Name" maxlength="60" />
      <button matButton type="submit" [disabled]="!prompt().trim()">Save prompt</button>
    </form>
  `,
  styleUrl: './side-list.scss',
})
export class PromptLibrary {
  readonly prompt = input.required<string>();
  readonly chosen = output<string>();
  private readonly chat = inject(Chat);
  private readonly caller = injectSession().caller;
  private readonly key = computed(() => this.caller() && `prompts.${this.caller()!.subject}.${this.caller()!.project}`);
  protected readonly prompts = signal<SavedPrompt[]>([]);

  constructor() {
    effect(() => {
      const key = this.key();
      untracked(() => this.prompts.set(key ? readStored<SavedPrompt[]>(key, []) : []));
    });
  }

  /** A prompt with the same name is replaced. */
  protected save(name: string): void {
    const prompt = this.prompt().trim();
    const saved = { name: name.trim() || prompt.slice(0, 40), prompt, system: this.chat.sampling().system };
    this.set([saved, ...this.prompts().filter((each) => each.name !== saved.name)]);
  }

  protected use(saved: SavedPrompt): void {
    this.chat.sampling.update((sampling) => ({ ...sampling, system: saved.system }));
    this.chosen.emit(saved.prompt);
  }

  protected remove(saved: SavedPrompt): void {
    this.set(this.prompts().filter((each) => each !== saved));
  }

  private set(prompts: SavedPrompt[]): void {
    this.prompts.set(prompts);
    if (this.key()) writeStored(this.key()!, prompts);
  }
}
