/** Conversations with up to four models side by side. They are kept in the browser, and survive navigation and reloads. */
import { computed, effect, inject, Injectable, signal, untracked } from '@angular/core';

import { InferenceService } from '../api/services';
import { Connection } from '../platform/connection';
import { Problem, problemFromBody, toProblem } from '../platform/problem';
import { injectSession } from '../platform/session';
import { storedSignal, writeStored } from '../platform/storage';
import { Completion, Conversation, EMPTY_CONVERSATION, messagesFor, shuffled, Token, ToolCall, ToolResult, Turn, verdicts, votable } from './conversation';
import { readEvents } from './sse';
import { StoredConversations } from './stored-conversations';

export interface SamplingParameters {
  temperature: number;
  top_p: number;
  top_k: number;
  max_tokens: number;
  repetition_penalty: number;
  seed: number | null;
  system: string;
}

export interface ChatOptions {
  blind: boolean;
  store: boolean;
  logprobs: boolean;
  /** JSON: a list of functions. */
  tools: string;
}

interface Chunk {
  id?: string;
  choices?: {
    delta?: { content?: string; tool_calls?: { index: number; id?: string; function: { name?: string; arguments: string } }[] };
    logprobs?: { content: Token[] } | null;
    finish_reason?: string | null;
  }[];
  usage?: { completion_tokens: number } | null;
  error?: unknown;
}

export const DEFAULT_SAMPLING: SamplingParameters = { temperature: 0, top_p: 1, top_k: 0, max_tokens: 256, repetition_penalty: 1, seed: null, system: '' };
export const DEFAULT_OPTIONS: ChatOptions = { blind: false, store: true, logprobs: false, tools: '' };
const TOP_LOGPROBS = 5;

@Injectable({ providedIn: 'root' })
export class Chat {
  readonly sampling = storedSignal<SamplingParameters>('sampling', DEFAULT_SAMPLING);
  readonly options = storedSignal<ChatOptions>('chat-options', DEFAULT_OPTIONS);
  readonly models = signal<string[]>([]);
  readonly conversation = signal<Conversation>(EMPTY_CONVERSATION);
  readonly conversations = signal<Conversation[]>([]);
  readonly turns = computed(() => this.conversation().turns);
  readonly streaming = signal(false);
  /** Why the text in `options.tools` is no list of functions. */
  readonly toolsProblem = computed(() => readTools(this.options().tools).problem);
  /** Incremented when a vote or rating is stored or deleted. */
  readonly feedbackCount = signal(0);
  private readonly connection = inject(Connection);
  private readonly inference = inject(InferenceService);
  private readonly caller = injectSession().caller;
  private readonly owner = computed(() => this.caller() && `${this.caller()!.subject}.${this.caller()!.project}`);
  private readonly stored = computed(() => (this.owner() ? new StoredConversations(this.owner()!) : undefined));
  private abortController?: AbortController;

  constructor() {
    effect(() => {
      const stored = this.stored(); // another one after a switch of the user or project
      untracked(() => {
        this.stop();
        this.conversations.set(stored?.all() ?? []);
        this.conversation.set(stored?.current() ?? EMPTY_CONVERSATION);
      });
    });
    addEventListener('pagehide', () => this.save());
  }

  async send(prompt: string, models = this.models(), results?: ToolResult[]): Promise<void> {
    const blind = this.options().blind && models.length > 1 && !results;
    const turn: Turn = { id: Math.max(0, ...this.turns().map(({ id }) => id)) + 1, prompt, results, blind, completions: (blind ? shuffled(models) : models).map((model) => ({ model, text: '', state: 'waiting' })) };
    const requests = turn.completions.map(({ model }) => ({ model, messages: messagesFor(this.turns(), model, turn, this.sampling().system) }));
    this.conversation.update((current) => ({ ...current, id: current.id || `${Date.now()}-${Math.random()}`, turns: [...current.turns, turn] }));
    this.save();
    const { id } = this.conversation();
    const controller = (this.abortController = new AbortController());
    this.streaming.set(true);
    await Promise.all(requests.map((request) => this.complete(id, turn.id, { ...request, ...this.requestParameters(blind) }, controller.signal)));
    if (this.abortController === controller) this.streaming.set(false);
    if (this.conversation().id === id) this.save();
  }

  stop(): void {
    this.abortController?.abort();
  }

  /** Shows another conversation; EMPTY_CONVERSATION begins a new one. */
  show(conversation: Conversation): void {
    this.stop();
    this.save(); // what has arrived of an answer
    this.stored()?.select(conversation.id);
    this.conversation.set(this.stored()?.current() ?? conversation);
  }

  remove(conversation: Conversation): void {
    if (this.conversation().id === conversation.id) this.show(EMPTY_CONVERSATION);
    this.stored()?.remove(conversation.id);
    this.conversations.set(this.stored()?.all() ?? []);
  }

  /** Stores a vote: the id of the best answer's model, or null for a tie. */
  async vote(turn: Turn, best: string | null): Promise<void> {
    const completions = votable(turn);
    const conversation = this.conversation().id;
    const idOf = (model: string) => completions.find((completion) => completion.model === model)!.storedId!;
    const bodies = verdicts(completions.map(({ model }) => idOf(model)), best === null ? null : idOf(best));
    const given = await Promise.all(bodies.map((body) => this.inference.giveFeedback({ body })));
    const leftOut = given.every((each) => each.left_out) ? (given[0]?.left_out ?? undefined) : undefined;
    this.changeTurn(conversation, turn.id, { vote: { best, feedbackIds: given.map(({ id }) => id), leftOut } });
  }

  async undoVote(turn: Turn): Promise<void> {
    const conversation = this.conversation().id;
    await Promise.all((turn.vote?.feedbackIds ?? []).map((feedback_id) => this.deleteFeedback(feedback_id)));
    this.changeTurn(conversation, turn.id, { vote: undefined });
  }

  /** Stores a rating; the same one again deletes it. */
  async rate(turn: Turn, completion: Completion, rating: 'good' | 'bad'): Promise<void> {
    const conversation = this.conversation().id;
    if (completion.rating === rating) {
      await this.deleteFeedback(completion.feedbackId!);
      this.update(conversation, turn.id, completion.model, { rating: undefined, feedbackId: undefined });
    } else {
      const { id } = await this.inference.giveFeedback({ body: { response: completion.storedId!, rating } });
      this.update(conversation, turn.id, completion.model, { rating, feedbackId: id });
    }
    this.feedbackCount.update((count) => count + 1);
    this.save();
  }

  private async deleteFeedback(feedback_id: string): Promise<void> {
    try {
      await this.inference.deleteFeedback({ feedback_id });
    } catch (failure) {
      if (toProblem(failure).status !== 404) throw failure; // it is gone already, perhaps with its answer
    }
  }

  private changeTurn(conversation: string, id: number, changes: Partial<Turn>): void {
    this.mapTurn(conversation, id, (turn) => ({ ...turn, ...changes }));
    this.feedbackCount.update((count) => count + 1);
    this.save();
  }

  private save(): void {
    const stored = this.stored();
    if (!stored || !this.turns().length) return;
    stored.save({ ...this.conversation(), updatedAt: Date.now() });
    this.conversations.set(stored.all());
  }

  private async complete(conversation: string, turnId: number, request: { model: string }, signal: AbortSignal): Promise<void> {
    const update = (changes: Partial<Completion>) => this.update(conversation, turnId, request.model, changes);
    const startedAt = performance.now();
    try {
      const response = await fetch('/v1/chat/completions', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } }),
        signal,
      });
      if (response.status === 401) this.connection.signedOut.set(true);
      if (!response.ok || !response.body) return update({ state: 'failed', problem: problemFromBody(await response.text(), response.status) });
      await this.readStream(response.body, startedAt, 'store' in request, update);
    } catch (failure) {
      if (signal.aborted) update({ state: 'stopped' });
      else update({ state: 'failed', problem: toProblem(failure) });
    }
  }

  private async readStream(body: ReadableStream<Uint8Array>, startedAt: number, stored: boolean, update: (changes: Partial<Completion>) => void): Promise<void> {
    let text = '';
    let id: string | undefined;
    let firstTokenAt: number | undefined;
    const toolCalls: ToolCall[] = [];
    const logprobs: Token[] = [];
    for await (const data of readEvents(body)) {
      const chunk = JSON.parse(data) as Chunk;
      if (chunk.error) return update({ state: 'failed', problem: problemFromBody(chunk, 500) });
      const choice = chunk.choices?.[0];
      id ??= chunk.id;
      for (const { index, id: callId, function: called } of choice?.delta?.tool_calls ?? []) {
        const call = (toolCalls[index] ??= { id: callId ?? '', name: called.name ?? '', arguments: '' });
        call.arguments += called.arguments;
      }
      logprobs.push(...(choice?.logprobs?.content ?? []));
      if (choice?.finish_reason) update({ finishReason: choice.finish_reason });
      if (choice?.delta?.content || choice?.delta?.tool_calls) {
        firstTokenAt ??= performance.now();
        text += choice.delta.content ?? '';
        update({ text, toolCalls: [...toolCalls], logprobs: [...logprobs], state: 'streaming', timeToFirstTokenMs: firstTokenAt - startedAt });
      }
      if (chunk.usage) {
        const tokens = chunk.usage.completion_tokens;
        const seconds = (performance.now() - (firstTokenAt ?? startedAt)) / 1000;
        // The first token is not counted: its time is the time to first token.
        update({ tokens, tokensPerSecond: seconds > 0 ? Math.max(0, tokens - 1) / seconds : undefined });
      }
    }
    update({ state: 'done', logprobs, storedId: stored ? id : undefined });
    writeStored('chatted', true); // completes a step of the getting-started checklist
  }

  /** What a request has besides model and messages: parameters with a neutral value are left out. */
  private requestParameters(blind: boolean): object {
    const { system: _system, seed, top_p, top_k, temperature, max_tokens, repetition_penalty } = this.sampling();
    const { store, logprobs, tools } = this.options();
    const { tools: functions } = readTools(tools);
    return {
      temperature, max_tokens, ...(top_p < 1 ? { top_p } : {}), ...(top_k ? { top_k } : {}), ...(repetition_penalty !== 1 ? { repetition_penalty } : {}), ...(seed === null ? {} : { seed }),
      ...(store || blind ? { store: true } : {}), ...(logprobs ? { logprobs: true, top_logprobs: TOP_LOGPROBS } : {}), ...(functions?.length ? { tools: functions } : {}),
    };
  }

  private update(conversation: string, turnId: number, model: string, changes: Partial<Completion>): void {
    this.mapTurn(conversation, turnId, (turn) => ({
      ...turn,
      completions: turn.completions.map((completion) => (completion.model === model ? { ...completion, ...changes } : completion)),
    }));
  }

  /** Another conversation may be shown by now: each has turns with the same ids. */
  private mapTurn(conversation: string, id: number, change: (turn: Turn) => Turn): void {
    this.conversation.update((current) => (current.id === conversation ? { ...current, turns: current.turns.map((turn) => (turn.id === id ? change(turn) : turn)) } : current));
  }
}

/** The functions in the text: OpenAI's tools, or the function objects alone. */
export function readTools(text: string): { tools?: object[]; problem?: Pick<Problem, 'detail'>['detail'] } {
  if (!text.trim()) return {};
  try {
    const parsed = JSON.parse(text) as unknown;
    const list = (Array.isArray(parsed) ? parsed : [parsed]) as Record<string, unknown>[];
    const tools = list.map((each) => (each?.['function'] ? each : { type: 'function', function: each }));
    const nameless = tools.findIndex((tool) => typeof (tool['function'] as Record<string, unknown> | null)?.['name'] !== 'string');
    return nameless < 0 ? { tools } : { problem: `Function ${nameless + 1} has no "name".` };
  } catch (failure) {
    return { problem: `No JSON: ${(failure as Error).message}` };
  }
}
