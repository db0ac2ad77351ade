/** A conversation with several models, and what each of them is sent. Pure. */
import { Problem } from '../platform/problem';

export const MAX_MODELS = 4;

export interface ToolCall {
  id: string;
  name: string;
  /** JSON, as the model wrote it. */
  arguments: string;
}

export interface ToolResult {
  id: string;
  content: string;
}

export interface LikelyToken {
  token: string;
  logprob: number;
}

export interface Token extends LikelyToken {
  top_logprobs: LikelyToken[];
}

export interface Completion {
  model: string;
  text: string;
  state: 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed';
  problem?: Problem;
  tokens?: number;
  tokensPerSecond?: number;
  timeToFirstTokenMs?: number;
  finishReason?: string;
  toolCalls?: ToolCall[];
  logprobs?: Token[];
  /** The answer's id, if it was stored for feedback. */
  storedId?: string;
  rating?: 'good' | 'bad';
  feedbackId?: string;
}

export interface Vote {
  /** The model with the best answer; null: a tie. */
  best: string | null;
  feedbackIds: string[];
  /** Why the data does not have it. */
  leftOut?: string;
}

export interface Turn {
  id: number;
  prompt: string;
  /** Results of tool calls, in place of a prompt. */
  results?: ToolResult[];
  completions: Completion[];
  /** Names are hidden until the vote. */
  blind?: boolean;
  vote?: Vote;
}

export interface Conversation {
  id: string;
  updatedAt: number;
  turns: Turn[];
}

export interface ChatMessage {
  role: string;
  content: string | null;
  tool_calls?: unknown[];
  tool_call_id?: string;
}

export const EMPTY_CONVERSATION: Conversation = { id: '', updatedAt: 0, turns: [] };

/** The beginning of the first prompt. */
export function titleOf(conversation: Conversation): string {
  return conversation.turns[0]?.prompt.replace(/\s+/g, ' ').trim().slice(0, 60) || 'New conversation';
}

/**
 * What one model is sent. Each model continues from its own answers; all models of a blind turn continue from the same ones, or
 * their answers could not be compared: from the preferred answer, or else from the first.
 */
export function messagesFor(turns: Turn[], model: string, next: Pick<Turn, 'prompt' | 'results' | 'blind'>, system: string): ChatMessage[] {
  const history = turns.flatMap((turn) => {
    const completion = continued(turn, model, next.blind ?? false);
    return completion ? [...asked(turn), answered(completion)] : [];
  });
  return [...(system.trim() ? [{ role: 'system', content: system.trim() }] : []), ...history, ...asked(next)];
}

function continued(turn: Turn, model: string, blind: boolean): Completion | undefined {
  const usable = turn.completions.filter((completion) => completion.text || completion.toolCalls?.length);
  if (blind || turn.blind) return usable.find((completion) => completion.model === turn.vote?.best) ?? usable[0];
  return usable.find((completion) => completion.model === model);
}

function asked(turn: Pick<Turn, 'prompt' | 'results'>): ChatMessage[] {
  if (!turn.results) return [{ role: 'user', content: turn.prompt }];
  return turn.results.map(({ id, content }) => ({ role: 'tool', tool_call_id: id, content }));
}

function answered(completion: Completion): ChatMessage {
  const calls = completion.toolCalls?.map(({ id, name, arguments: json }) => ({ id, type: 'function', function: { name, arguments: json } }));
  return { role: 'assistant', content: completion.text || null, ...(calls?.length ? { tool_calls: calls } : {}) };
}

/** The answers of a turn that can be voted on: stored ones, of two models or more. */
export function votable(turn: Turn): Completion[] {
  const stored = turn.completions.filter((completion) => completion.state === 'done' && completion.storedId);
  return turn.blind && !turn.vote && stored.length > 1 && turn.completions.every(isFinal) ? stored : [];
}

/** Whether the names of the models are hidden. */
export function isHidden(turn: Turn): boolean {
  return Boolean(turn.blind) && !turn.vote && (votable(turn).length > 0 || !turn.completions.every(isFinal));
}

function isFinal(completion: Completion): boolean {
  return completion.state !== 'waiting' && completion.state !== 'streaming';
}

/** The verdicts that a vote is: the best answer against each other one, or a tie of each two. */
export function verdicts(ids: string[], best: string | null): ({ chosen: string; rejected: string } | { tie: string[] })[] {
  if (best !== null) return ids.filter((id) => id !== best).map((rejected) => ({ chosen: best, rejected }));
  return ids.flatMap((first, index) => ids.slice(index + 1).map((second) => ({ tie: [first, second] })));
}

/** The items in an order that chance decides (Fisher and Yates). */
export function shuffled<T>(items: T[], random = Math.random): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const place = Math.floor(random() * (last + 1));
    [result[last], result[place]] = [result[place]!, result[last]!];
  }
  return result;
}
