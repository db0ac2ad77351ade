/** One answer: text, calls of tools, token probabilities, figures, and thumbs. */
import { Component, computed, input, output, signal } from '@angular/core';
import { MatButton, MatIconButton } from '@angular/material/button';

import { Icon } from '../elements/icon';
import { MetricPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Completion, ToolResult } from './conversation';
import { TokenProbabilities } from './token-probabilities';

@Component({
  selector: 'an-completion',
  imports: [Icon, MatButton, MatIconButton, MetricPipe, ProblemCard, TokenProbabilities],
  templateUrl: './completion-card.html',
  styleUrl: './completion-card.scss',
})
export class CompletionCard {
  readonly completion = input.required<Completion>();
  /** The model's name, or what stands for it before a blind vote. */
  readonly name = input.required<string>();
  /** Before a blind vote: figures would tell the models apart. */
  readonly concealed = input(false);
  readonly preferred = input(false);
  readonly rateable = input(false);
  /** Whether results of tool calls can be sent. */
  readonly answerable = input(false);
  readonly rate = output<'good' | 'bad'>();
  readonly answer = output<ToolResult[]>();
  protected readonly results = signal<Record<string, string>>({});
  protected readonly complete = computed(() => (this.completion().toolCalls ?? []).every((call) => this.results()[call.id]?.trim()));

  protected setResult(id: string, content: string): void {
    this.results.update((results) => ({ ...results, [id]: content }));
  }

  protected send(): void {
    this.answer.emit((this.completion().toolCalls ?? []).map(({ id }) => ({ id, content: this.results()[id] ?? '' })));
  }

  protected pretty(json: string): string {
    try {
      return JSON.stringify(JSON.parse(json), undefined, 2);
    } catch {
      return json;
    }
  }
}
