/** Chat with up to four models side by side, vote blindly between them, and make datasets of the votes. */
import { afterRenderEffect, Component, computed, effect, ElementRef, inject, input, signal, untracked, viewChild } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';

import { InferenceService, ModelService } from '../api/services';
import { CodeBlock } from '../elements/code-block';
import { EmptyState } from '../elements/empty-state';
import { Icon } from '../elements/icon';
import { ProblemCard } from '../elements/problem-card';
import { Notifications } from '../platform/notifications';
import { fetchAllPages } from '../platform/paged-query';
import { injectQuery } from '../platform/query';
import { viewState } from '../platform/view-state';
import { Chat, ChatOptions } from './chat';
import { CompletionCard } from './completion-card';
import { Completion, EMPTY_CONVERSATION, isHidden, MAX_MODELS, Turn, votable } from './conversation';
import { ConversationList } from './conversation-list';
import { FeedbackPanel, leftOutText } from './feedback-panel';
import { PromptLibrary } from './prompt-library';
import { isValid, SamplingFields } from './sampling-fields';

const PLACES = ['Model', 'Compare with', 'Third model', 'Fourth model'];

@Component({
  selector: 'an-playground',
  imports: [CodeBlock, CompletionCard, ConversationList, EmptyState, FeedbackPanel, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, ProblemCard, PromptLibrary, SamplingFields],
  templateUrl: './playground.html',
  styleUrl: './playground.scss',
})
export class Playground {
  /** The model to preselect, from the query parameter. */
  readonly model = input<string>();
  private readonly inference = inject(InferenceService);
  private readonly modelService = inject(ModelService);
  private readonly notifications = inject(Notifications);
  protected readonly chat = inject(Chat);
  protected readonly prompt = viewState('playground.prompt', '');
  private readonly box = viewChild.required<ElementRef<HTMLTextAreaElement>>('box');
  private readonly thread = viewChild<ElementRef<HTMLElement>>('thread');
  protected readonly servedModels = injectQuery(() => ({ key: 'served', fetch: () => this.inference.listServedModels() }));
  private readonly customModels = injectQuery(() => ({ key: 'custom/all', fetch: () => fetchAllPages((cursor) => this.modelService.listCustomModels({ limit: 200, cursor })) }));
  protected readonly names = computed(() => new Map((this.servedModels.value()?.data ?? []).map((model) => [model.id, model.name || model.id])));
  /** A select for each chosen model, and one more. */
  protected readonly places = computed(() => PLACES.slice(0, Math.min(MAX_MODELS, this.chat.models().length + 1)));
  protected readonly votable = votable;
  protected readonly isHidden = isHidden;
  protected readonly voting = signal(false);
  /** Why a message cannot be sent now; empty: it can. */
  protected readonly obstacle = computed(() => {
    if (!this.chat.models().length) return 'Choose a model.';
    if (this.chat.options().blind && this.chat.turns().some((turn) => votable(turn).length)) return 'Vote first: the conversation continues from the better answer.';
    if (this.chat.options().blind && this.chat.models().length < 2) return 'Choose a second model for a blind comparison.';
    if (this.chat.toolsProblem()) return 'Correct the tools.';
    return isValid(this.chat.sampling()) ? '' : 'Correct the sampling parameters.';
  });
  protected readonly curl = computed(() => {
    const body = JSON.stringify({ model: this.chat.models()[0] ?? '', messages: [{ role: 'user', content: 'Hello' }], stream: true });
    return `curl ${location.origin}/v1/chat/completions \\\n  -H "Authorization: Bearer $(cat $ANNEAL_HOME/api-key)" \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'`;
  });

  constructor() {
    effect(() => {
      const requested = this.model();
      const served = this.servedModels.value()?.data ?? [];
      const custom = this.customModels.value()?.items ?? [];
      untracked(() => {
        const chosen = this.chat.models();
        const first = requested ?? chosen[0] ?? custom[0]?.id ?? served[0]?.id;
        if (!first) return;
        const base = custom.find((model) => model.id === first)?.base_uri.split('/').at(-1);
        const second = chosen[1] ?? (served.some((model) => model.id === base) ? base : undefined);
        this.chat.models.set([...new Set([first, ...(second ? [second] : []), ...chosen.slice(2)])]);
      });
    });
    afterRenderEffect(() => {
      this.chat.turns();
      const thread = this.thread()?.nativeElement;
      if (thread) thread.scrollTop = thread.scrollHeight;
    });
  }

  protected choose(place: number, model: string): void {
    const models = [...this.chat.models()];
    if (model) models[place] = model;
    else models.splice(place, 1);
    this.chat.models.set([...new Set(models)]);
  }

  protected setOption<K extends keyof ChatOptions>(name: K, value: ChatOptions[K]): void {
    this.chat.options.update((options) => ({ ...options, [name]: value }));
  }

  protected nameOf(turn: Turn, completion: Completion, index: number): string {
    return isHidden(turn) ? `Answer ${'ABCD'[index]}` : (this.names().get(completion.model) ?? completion.model);
  }

  /** What was voted, and why data does not have it. */
  protected voteText(turn: Turn): string {
    const vote = turn.vote!;
    const verdict = vote.best === null ? 'You voted for a tie.' : `You preferred ${this.names().get(vote.best) ?? vote.best}.`;
    return vote.leftOut && vote.best !== null ? `${verdict} Not in datasets: votes ${leftOutText({ [vote.leftOut]: 1 }).slice(2)}.` : verdict;
  }

  protected async vote(turn: Turn, best: string | null): Promise<void> {
    this.voting.set(true);
    await this.notifications.run(() => this.chat.vote(turn, best));
    this.voting.set(false);
  }

  protected undoVote(turn: Turn): void {
    void this.notifications.run(() => this.chat.undoVote(turn));
  }

  protected rate(turn: Turn, completion: Completion, rating: 'good' | 'bad'): void {
    void this.notifications.run(() => this.chat.rate(turn, completion, rating));
  }

  protected startOver(): void {
    this.chat.show(EMPTY_CONVERSATION);
  }

  protected send(): void {
    const prompt = this.prompt().trim();
    if (!prompt || this.chat.streaming() || this.obstacle()) return;
    this.setPrompt('');
    void this.chat.send(prompt);
  }

  protected setPrompt(text: string): void {
    this.prompt.set(text);
    this.box().nativeElement.value = text; // the binding has not seen text that was typed and sent within one frame
  }

  /** Enter sends; Shift+Enter inserts a line break. */
  protected onKeydown(event: KeyboardEvent): void {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.send();
  }
}
