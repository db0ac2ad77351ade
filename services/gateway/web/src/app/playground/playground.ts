/** Chat with a model, optionally side by side with a second one. */
import { afterRenderEffect, Component, computed, effect, ElementRef, inject, input, untracked, viewChild } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';

import { InferenceService, ModelService } from '../api/services';
import { CodeBlock } from '../elements/code-block';
import { EmptyState } from '../elements/empty-state';
import { Icon } from '../elements/icon';
import { MetricPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { fetchAllPages } from '../platform/paged-query';
import { injectQuery } from '../platform/query';
import { viewState } from '../platform/view-state';
import { Chat, SamplingParameters } from './chat';

@Component({
  selector: 'an-playground',
  imports: [CodeBlock, EmptyState, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, MetricPipe, ProblemCard],
  templateUrl: './playground.html',
  styleUrl: './playground.scss',
})
export class Playground {
  /** The model to preselect, from the query parameter. */
  readonly model = input<string>();
  private readonly inference = inject(InferenceService);
  private readonly models = inject(ModelService);
  protected readonly chat = inject(Chat);
  protected readonly prompt = viewState('playground.prompt', '');
  private readonly box = viewChild.required<ElementRef<HTMLTextAreaElement>>('box');
  private readonly thread = viewChild<ElementRef<HTMLElement>>('thread');
  protected readonly servedModels = injectQuery(() => ({ key: 'served', fetch: () => this.inference.listServedModels() }));
  private readonly customModels = injectQuery(() => ({ key: 'custom/all', fetch: () => fetchAllPages((cursor) => this.models.listCustomModels({ limit: 200, cursor })) }));
  protected readonly names = computed(() => new Map((this.servedModels.value()?.data ?? []).map((model) => [model.id, model.name || model.id])));
  protected readonly curl = computed(() => {
    const body = JSON.stringify({ model: this.chat.model(), messages: [{ role: 'user', content: 'Hello' }], stream: true });
    return `curl ${location.origin}/v1/chat/completions \\\n  -H "Authorization: Bearer $(cat $ANNEAL_HOME/api-key)" \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'`;
  });

  constructor() {
    effect(() => {
      const requested = this.model();
      const served = this.servedModels.value()?.data ?? [];
      const custom = this.customModels.value()?.items ?? [];
      untracked(() => {
        if (requested) this.chat.model.set(requested);
        else if (!this.chat.model()) this.chat.model.set(custom[0]?.id ?? served[0]?.id ?? '');
        const base = custom.find((model) => model.id === this.chat.model())?.base_uri.split('/').at(-1);
        if (base && !this.chat.comparisonModel() && served.some((model) => model.id === base)) this.chat.comparisonModel.set(base);
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
    if (!prompt || this.chat.streaming() || !this.chat.model()) return;
    this.prompt.set('');
    this.box().nativeElement.value = ''; // the binding has not seen text that was typed and sent within one frame
    void this.chat.send(prompt);
  }

  /** Enter sends; Shift+Enter inserts a line break. */
  protected onKeydown(event: KeyboardEvent): void {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.send();
  }

  protected setSampling(name: keyof SamplingParameters, value: unknown): void {
    this.chat.sampling.update((sampling) => ({ ...sampling, [name]: value }));
  }
}
