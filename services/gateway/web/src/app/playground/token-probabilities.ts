/** The tokens of an answer: underlined more strongly the less likely they were; a chosen one shows its alternatives. */
import { Component, computed, input, linkedSignal } from '@angular/core';

import { Token } from './conversation';

@Component({
  selector: 'an-token-probabilities',
  template: `
    <p class="text" role="group" aria-label="Tokens with their probabilities">@for (token of tokens(); track $index) {<button type="button" [class]="level(token.logprob)" [attr.aria-pressed]="chosen() === $index" [attr.aria-label]="token.token + ' ' + percent(token.logprob)" [title]="percent(token.logprob)" (click)="chosen.set($index)">{{ shown(token.token) }}</button>}</p>
    @if (alternatives(); as list) {
      <table>
        <caption class="visually-hidden">Likeliest tokens in this place</caption>
        <thead><tr><th>Token</th><th class="end">Probability</th></tr></thead>
        <tbody>
          @for (other of list; track other.token) {
            <tr><td><code>{{ shown(other.token) }}</code></td><td class="end">{{ percent(other.logprob) }}</td></tr>
          }
        </tbody>
      </table>
    }
    <small class="muted">{{ summary() }} Underlined: below 90 %; twice: below 50 %.</small>
  `,
  styles: `
    .text { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0.25rem 0; max-width: none; }
    button { display: inline-block; min-width: 1.5rem; min-height: 1.6rem; font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; white-space: pre-wrap; overflow-wrap: anywhere; text-align: center; }
    button:hover, button[aria-pressed='true'] { background: var(--accent-soft); color: var(--accent-text); }
    .unsure { border-bottom: 2px solid var(--border-strong); }
    .doubtful { border-bottom: 4px double var(--accent); }
    small { display: block; }
    table { width: auto; min-width: 12rem; }
    td, th { padding-top: 0.15rem; padding-bottom: 0.15rem; }
  `,
})
export class TokenProbabilities {
  readonly tokens = input.required<Token[]>();
  protected readonly chosen = linkedSignal<Token[], number | null>({ source: this.tokens, computation: (_, previous) => previous?.value ?? null });
  protected readonly alternatives = computed(() => {
    const index = this.chosen();
    return index === null ? undefined : this.tokens()[index]?.top_logprobs;
  });
  /** Perplexity is the exponential of the mean negative log-probability. */
  protected readonly summary = computed(() => {
    const mean = this.tokens().reduce((sum, token) => sum + token.logprob, 0) / this.tokens().length;
    return `Perplexity of the answer: ${Math.exp(-mean).toFixed(2)}.`;
  });

  protected level(logprob: number): string {
    const probability = Math.exp(logprob);
    return probability < 0.5 ? 'doubtful' : probability < 0.9 ? 'unsure' : '';
  }

  protected percent(logprob: number): string {
    return `${(Math.exp(logprob) * 100).toFixed(1)} %`;
  }

  /** Line breaks are visible as such. */
  protected shown(token: string): string {
    return token.replaceAll('\n', '↵\n') || '∅';
  }
}
