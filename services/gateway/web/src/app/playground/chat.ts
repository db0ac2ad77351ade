/** Conversations with models, side by side. They outlive the page: going elsewhere and back loses nothing. */
import { inject, Injectable, signal } from '@angular/core';

import { Connection } from '../platform/connection';
import { fromBody, Problem, problemOf } from '../platform/problem';
import { remembered, write } from '../platform/storage';
import { events } from './sse';

export interface Sampling {
  temperature: number;
  top_p: number;
  top_k: number;
  max_tokens: number;
  repetition_penalty: number;
  seed: number | null;
  system: string;
}

export interface Answer {
  model: string;
  text: string;
  state: 'waiting' | 'writing' | 'done' | 'stopped' | 'failed';
  problem?: Problem;
  tokens?: number;
  tokensPerSecond?: number;
  firstMs?: number;
}

export interface Turn {
  id: number;
  prompt: string;
  answers: Answer[];
}

interface Chunk {
  choices?: { delta?: { content?: string } }[];
  usage?: { completion_tokens: number } | null;
  error?: unknown;
}

export const USUAL: Sampling = { temperature: 0, top_p: 1, top_k: 0, max_tokens: 256, repetition_penalty: 1, seed: null, system: '' };

@Injectable({ providedIn: 'root' })
export class Chat {
  readonly sampling = remembered<Sampling>('sampling', USUAL);
  readonly turns = signal<Turn[]>([]);
  readonly model = signal('');
  readonly beside = signal('');
  readonly writing = signal(false);
  private readonly connection = inject(Connection);
  private stopper?: AbortController;
  private last = 0;

  async ask(prompt: string): Promise<void> {
    const models = [...new Set([this.model(), this.beside()])].filter(Boolean);
    const id = ++this.last;
    const requests = models.map((model) => ({ model, messages: this.messages(model, prompt) }));
    this.turns.update((turns) => [...turns, { id, prompt, answers: models.map((model) => ({ model, text: '', state: 'waiting' })) }]);
    const stopper = (this.stopper = new AbortController());
    this.writing.set(true);
    await Promise.all(requests.map((request) => this.answer(id, request, stopper.signal)));
    this.writing.set(false);
  }

  stop(): void {
    this.stopper?.abort();
  }

  clear(): void {
    this.stop();
    this.turns.set([]);
  }

  /** What one model has said and heard so far: each goes on with its own answers. */
  private messages(model: string, prompt: string): { role: string; content: string }[] {
    const system = this.sampling().system.trim();
    const earlier = this.turns().flatMap((turn) => {
      const answer = turn.answers.find((one) => one.model === model && one.text);
      return answer ? [{ role: 'user', content: turn.prompt }, { role: 'assistant', content: answer.text }] : [];
    });
    return [...(system ? [{ role: 'system', content: system }] : []), ...earlier, { role: 'user', content: prompt }];
  }

  private async answer(turn: number, request: { model: string; messages: unknown[] }, signal: AbortSignal): Promise<void> {
    const change = (change: Partial<Answer>) => this.change(turn, request.model, change);
    const started = performance.now();
    try {
      const response = await fetch('/v1/chat/completions', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ ...request, ...this.parameters(), stream: true, stream_options: { include_usage: true } }),
        signal,
      });
      if (response.status === 401) this.connection.signedOut.set(true);
      if (!response.ok || !response.body) return change({ state: 'failed', problem: fromBody(await response.text(), response.status) });
      await this.read(response.body, started, change);
    } catch (failure) {
      if (signal.aborted) change({ state: 'stopped' });
      else change({ state: 'failed', problem: problemOf(failure) });
    }
  }

  private async read(body: ReadableStream<Uint8Array>, started: number, change: (change: Partial<Answer>) => void): Promise<void> {
    let text = '';
    let first: number | undefined;
    for await (const data of events(body)) {
      const chunk = JSON.parse(data) as Chunk;
      if (chunk.error) return change({ state: 'failed', problem: fromBody(chunk, 500) });
      const piece = chunk.choices?.[0]?.delta?.content;
      if (piece) {
        first ??= performance.now();
        text += piece;
        change({ text, state: 'writing', firstMs: first - started });
      }
      if (chunk.usage) {
        const tokens = chunk.usage.completion_tokens;
        const seconds = (performance.now() - (first ?? started)) / 1000;
        change({ tokens, tokensPerSecond: seconds > 0 ? Math.max(0, tokens - 1) / seconds : undefined });
      }
    }
    change({ state: 'done' });
    write('chatted', true); // a step of the dashboard's road
  }

  private parameters(): Partial<Sampling> {
    const { system: _system, seed, top_p, top_k, temperature, max_tokens, repetition_penalty } = this.sampling();
    return { temperature, max_tokens, ...(top_p < 1 ? { top_p } : {}), ...(top_k ? { top_k } : {}), ...(repetition_penalty !== 1 ? { repetition_penalty } : {}), ...(seed === null ? {} : { seed }) };
  }

  private change(turn: number, model: string, change: Partial<Answer>): void {
    this.turns.update((turns) =>
      turns.map((one) => (one.id === turn ? { ...one, answers: one.answers.map((answer) => (answer.model === model ? { ...answer, ...change } : answer)) } : one)),
    );
  }
}
