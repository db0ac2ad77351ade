/** Conversations with one or two models side by side. They survive navigation. */
import { inject, Injectable, signal } from '@angular/core';

import { Connection } from '../platform/connection';
import { Problem, problemFromBody, toProblem } from '../platform/problem';
import { storedSignal, writeStored } from '../platform/storage';
import { readEvents } from './sse';

export interface SamplingParameters {
  temperature: number;
  top_p: number;
  top_k: number;
  max_tokens: number;
  repetition_penalty: number;
  seed: number | null;
  system: string;
}

export interface Completion {
  model: string;
  text: string;
  state: 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed';
  problem?: Problem;
  tokens?: number;
  tokensPerSecond?: number;
  timeToFirstTokenMs?: number;
}

export interface Turn {
  id: number;
  prompt: string;
  completions: Completion[];
}

interface Chunk {
  choices?: { delta?: { content?: string } }[];
  usage?: { completion_tokens: number } | null;
  error?: unknown;
}

export const DEFAULT_SAMPLING: SamplingParameters = { temperature: 0, top_p: 1, top_k: 0, max_tokens: 256, repetition_penalty: 1, seed: null, system: '' };

@Injectable({ providedIn: 'root' })
export class Chat {
  readonly sampling = storedSignal<SamplingParameters>('sampling', DEFAULT_SAMPLING);
  readonly turns = signal<Turn[]>([]);
  readonly model = signal('');
  readonly comparisonModel = signal('');
  readonly streaming = signal(false);
  private readonly connection = inject(Connection);
  private abortController?: AbortController;
  private lastId = 0;

  async send(prompt: string): Promise<void> {
    const models = [...new Set([this.model(), this.comparisonModel()])].filter(Boolean);
    const id = ++this.lastId;
    const requests = models.map((model) => ({ model, messages: this.messages(model, prompt) }));
    this.turns.update((turns) => [...turns, { id, prompt, completions: models.map((model) => ({ model, text: '', state: 'waiting' })) }]);
    const controller = (this.abortController = new AbortController());
    this.streaming.set(true);
    await Promise.all(requests.map((request) => this.complete(id, request, controller.signal)));
    this.streaming.set(false);
  }

  stop(): void {
    this.abortController?.abort();
  }

  clear(): void {
    this.stop();
    this.turns.set([]);
  }

  /** The conversation as one model knows it: each model continues from its own completions. */
  private messages(model: string, prompt: string): { role: string; content: string }[] {
    const system = this.sampling().system.trim();
    const history = this.turns().flatMap((turn) => {
      const completion = turn.completions.find((completion) => completion.model === model && completion.text);
      return completion ? [{ role: 'user', content: turn.prompt }, { role: 'assistant', content: completion.text }] : [];
    });
    return [...(system ? [{ role: 'system', content: system }] : []), ...history, { role: 'user', content: prompt }];
  }

  private async complete(turnId: number, request: { model: string; messages: unknown[] }, signal: AbortSignal): Promise<void> {
    const update = (changes: Partial<Completion>) => this.update(turnId, request.model, changes);
    const startedAt = performance.now();
    try {
      const response = await fetch('/v1/chat/completions', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ ...request, ...this.requestParameters(), stream: true, stream_options: { include_usage: true } }),
        signal,
      });
      if (response.status === 401) this.connection.signedOut.set(true);
      if (!response.ok || !response.body) return update({ state: 'failed', problem: problemFromBody(await response.text(), response.status) });
      await this.readStream(response.body, startedAt, update);
    } catch (failure) {
      if (signal.aborted) update({ state: 'stopped' });
      else update({ state: 'failed', problem: toProblem(failure) });
    }
  }

  private async readStream(body: ReadableStream<Uint8Array>, startedAt: number, update: (changes: Partial<Completion>) => void): Promise<void> {
    let text = '';
    let firstTokenAt: number | undefined;
    for await (const data of readEvents(body)) {
      const chunk = JSON.parse(data) as Chunk;
      if (chunk.error) return update({ state: 'failed', problem: problemFromBody(chunk, 500) });
      const delta = chunk.choices?.[0]?.delta?.content;
      if (delta) {
        firstTokenAt ??= performance.now();
        text += delta;
        update({ text, state: 'streaming', timeToFirstTokenMs: firstTokenAt - startedAt });
      }
      if (chunk.usage) {
        const tokens = chunk.usage.completion_tokens;
        const seconds = (performance.now() - (firstTokenAt ?? startedAt)) / 1000;
        // The first token is not counted: its time is the time to first token.
        update({ tokens, tokensPerSecond: seconds > 0 ? Math.max(0, tokens - 1) / seconds : undefined });
      }
    }
    update({ state: 'done' });
    writeStored('chatted', true); // completes a step of the getting-started checklist
  }

  /** The sampling parameters to send: those with a neutral value are left out. */
  private requestParameters(): Partial<SamplingParameters> {
    const { system: _system, seed, top_p, top_k, temperature, max_tokens, repetition_penalty } = this.sampling();
    return { temperature, max_tokens, ...(top_p < 1 ? { top_p } : {}), ...(top_k ? { top_k } : {}), ...(repetition_penalty !== 1 ? { repetition_penalty } : {}), ...(seed === null ? {} : { seed }) };
  }

  private update(turnId: number, model: string, changes: Partial<Completion>): void {
    this.turns.update((turns) =>
      turns.map((turn) =>
        turn.id === turnId ? { ...turn, completions: turn.completions.map((completion) => (completion.model === model ? { ...completion, ...changes } : completion)) } : turn,
      ),
    );
  }
}
