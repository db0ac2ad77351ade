/** Conversations in the browser's storage, of each user and project; what does not fit is dropped, the oldest first. */
import { Completion, Conversation, EMPTY_CONVERSATION } from './conversation';

export const MAX_CONVERSATIONS = 50;

interface Stored {
  /** The conversation that a reload shows; empty: a new one. */
  current: string;
  conversations: Conversation[];
}

export class StoredConversations {
  private readonly key: string;

  constructor(owner: string, private readonly storage: Storage = localStorage) {
    this.key = `anneal.conversations.${owner}`;
  }

  /** Newest first. */
  all(): Conversation[] {
    return this.read().conversations;
  }

  current(): Conversation {
    const { current, conversations } = this.read();
    return conversations.find(({ id }) => id === current) ?? EMPTY_CONVERSATION;
  }

  /** Stores one beside those of other tabs, and shows it after a reload. */
  save(conversation: Conversation): void {
    const others = this.all().filter(({ id }) => id !== conversation.id);
    const turns = conversation.turns.map((turn) => ({ ...turn, completions: turn.completions.map(storable) }));
    this.write({ current: conversation.id, conversations: [{ ...conversation, turns }, ...others].slice(0, MAX_CONVERSATIONS) });
  }

  /** Shows this one after a reload; empty: a new one. */
  select(id: string): void {
    this.write({ ...this.read(), current: id });
  }

  remove(id: string): void {
    const { current, conversations } = this.read();
    this.write({ current: current === id ? '' : current, conversations: conversations.filter((each) => each.id !== id) });
  }

  private read(): Stored {
    try {
      const stored = JSON.parse(this.storage.getItem(this.key) ?? 'null') as Stored | null;
      return stored ?? { current: '', conversations: [] };
    } catch {
      return { current: '', conversations: [] };
    }
  }

  private write(stored: Stored): void {
    for (let kept = stored.conversations.length; kept > 0 || !stored.conversations.length; kept = Math.floor(kept / 2)) {
      try {
        return this.storage.setItem(this.key, JSON.stringify({ ...stored, conversations: stored.conversations.slice(0, kept) }));
      } catch {
        if (!kept) return; // some private windows have no storage
      }
    }
  }
}

/** An answer as it is after a reload: without token probabilities, which are long, and not in progress. */
function storable(completion: Completion): Completion {
  const { logprobs: _logprobs, ...kept } = completion;
  return kept.state === 'waiting' || kept.state === 'streaming' ? { ...kept, state: 'stopped' } : kept;
}
