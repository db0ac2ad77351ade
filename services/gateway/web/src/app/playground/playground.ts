/** Talk to a model, and to its base beside it. */
import { afterRenderEffect, Component, computed, effect, ElementRef, inject, input, untracked, viewChild } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';

import { InferenceService, ModelService } from '../api/services';
import { Copy } from '../elements/copy';
import { Empty } from '../elements/empty';
import { Icon } from '../elements/icon';
import { FigurePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { kept } from '../platform/kept';
import { load } from '../platform/load';
import { collect } from '../platform/pages';
import { Chat, Sampling } from './chat';

@Component({
  selector: 'an-playground',
  imports: [Copy, Empty, FigurePipe, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, ProblemCard],
  templateUrl: './playground.html',
  styleUrl: './playground.scss',
})
export class Playground {
  /** The model that the user came from; its input is called after the query parameter. */
  readonly model = input<string>();
  private readonly inference = inject(InferenceService);
  private readonly models = inject(ModelService);
  protected readonly chat = inject(Chat);
  protected readonly prompt = kept('playground.prompt', '');
  private readonly box = viewChild.required<ElementRef<HTMLTextAreaElement>>('box');
  private readonly thread = viewChild<ElementRef<HTMLElement>>('thread');
  protected readonly served = load(() => ({ key: 'served', fetch: () => this.inference.listServedModels() }));
  private readonly custom = load(() => ({ key: 'custom/all', fetch: () => collect((cursor) => this.models.listCustomModels({ limit: 200, cursor })) }));
  protected readonly names = computed(() => new Map((this.served.value()?.data ?? []).map((model) => [model.id, model.name || model.id])));
  protected readonly curl = computed(() => {
    const body = JSON.stringify({ model: this.chat.model(), messages: [{ role: 'user', content: 'Hello' }], stream: true });
    return `curl ${location.origin}/v1/chat/completions \\\n  -H "Authorization: Bearer $(cat $ANNEAL_HOME/api-key)" \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'`;
  });

  constructor() {
    effect(() => {
      const asked = this.model();
      const served = this.served.value()?.data ?? [];
      const custom = this.custom.value()?.items ?? [];
      untracked(() => {
        if (asked) this.chat.model.set(asked);
        else if (!this.chat.model()) this.chat.model.set(custom[0]?.id ?? served[0]?.id ?? '');
        const base = custom.find((model) => model.id === this.chat.model())?.base;
        if (base && !this.chat.beside() && served.some((model) => model.id === base)) this.chat.beside.set(base);
      });
    });
    afterRenderEffect(() => {
      this.chat.turns();
      const thread = this.thread()?.nativeElement;
      if (thread) thread.scrollTop = thread.scrollHeight;
    });
  }

  protected send(): void {
    const prompt = this.prompt().trim();
    if (!prompt || this.chat.writing() || !this.chat.model()) return;
    this.prompt.set('');
    this.box().nativeElement.value = ''; // written and sent within one frame, the signal never showed its text
    void this.chat.ask(prompt);
  }

  /** Enter sends, Shift and Enter makes a line. */
  protected key(event: KeyboardEvent): void {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.send();
  }

  protected set(name: keyof Sampling, value: unknown): void {
    this.chat.sampling.update((sampling) => ({ ...sampling, [name]: value }));
  }
}
