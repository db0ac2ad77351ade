import { Conversation } from './conversation';
import { MAX_CONVERSATIONS, StoredConversations } from './stored-conversations';

/** Storage that holds so many characters. */
class SmallStorage {
  private readonly items = new Map<string, string>();
  constructor(private readonly limit = Infinity) {}
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    if (value.length > this.limit) throw new DOMException('full', 'QuotaExceededError');
    this.items.set(key, value);
  }
}

const store = (owner: string, storage = new SmallStorage()) => new StoredConversations(owner, storage as unknown as Storage);
const conversation = (id: string, text = 'hello'): Conversation => ({
  id,
  updatedAt: 1,
  turns: [{ id: 1, prompt: text, completions: [{ model: 'm', text, state: 'streaming', logprobs: [] }] }],
});

describe('stored conversations', () => {
  it('survive a reload, without what was in progress', () => {
    const storage = new SmallStorage();
    store('anna', storage).save(conversation('a'));
    const reloaded = store('anna', storage).current();
    expect(reloaded.turns[0]?.completions).toEqual([{ model: 'm', text: 'hello', state: 'stopped' }]);
    expect(store('ben', storage).all()).toEqual([]);
  });

  it('are selected, removed, and limited in number', () => {
    const kept = store('anna');
    for (let n = 0; n < MAX_CONVERSATIONS + 5; n++) kept.save(conversation(`c${n}`));
    expect(kept.all()).toHaveLength(MAX_CONVERSATIONS);
    kept.select('c20');
    expect(kept.current().id).toBe('c20');
    kept.remove('c20');
    expect(kept.current().id).toBe('');
    expect(kept.all()).toHaveLength(MAX_CONVERSATIONS - 1);
  });

  it('drop the oldest where the storage is full', () => {
    const kept = store('anna', new SmallStorage(2000));
    for (let n = 0; n < 8; n++) kept.save(conversation(`c${n}`, 'x'.repeat(300)));
    expect(kept.current().id).toBe('c7');
    expect(kept.all().length).toBeGreaterThan(1);
    expect(kept.all().length).toBeLessThan(8);
  });

  it('ignore what is not theirs', () => {
    const storage = new SmallStorage();
    storage.setItem('anneal.conversations.anna', 'no json');
    expect(store('anna', storage).all()).toEqual([]);
  });
});
