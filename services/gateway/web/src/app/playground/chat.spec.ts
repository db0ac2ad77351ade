import { provideHttpClient } from '@angular/common/http';
import { HttpTestingController, provideHttpClientTesting } from '@angular/common/http/testing';
import { TestBed } from '@angular/core/testing';

import { Chat } from './chat';
import { Conversation } from './conversation';

const RATED: Conversation = {
  id: 'other', updatedAt: 1, turns: [{ id: 1, prompt: 'Hi', completions: [{ model: 'm', text: 'hello', state: 'done', storedId: 'r1', rating: 'good', feedbackId: 'f1' }] }],
};

/** Lets promises and effects that wait for each other go on. */
async function flush(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    TestBed.tick();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

describe('a conversation', () => {
  let chat: Chat;
  let http: HttpTestingController;
  let stream: ReadableStreamDefaultController<Uint8Array>;
  const receive = (content: string) => stream.enqueue(new TextEncoder().encode(`data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`));

  beforeEach(async () => {
    localStorage.clear();
    TestBed.configureTestingModule({ providers: [provideHttpClient(), provideHttpClientTesting()] });
    http = TestBed.inject(HttpTestingController);
    chat = TestBed.inject(Chat);
    await flush();
    http.expectOne('/auth/session').flush({ subject: 'anna', project: 'lake', scopes: ['admin'] });
    await flush();
    // It answers on after an abort, as the last chunks of a real one may have arrived.
    vi.stubGlobal('fetch', async () => new Response(new ReadableStream({ start: (controller) => void (stream = controller) })));
  });

  afterEach(() => vi.unstubAllGlobals());

  it('keeps what arrives to itself when another one is shown', async () => {
    const sent = chat.send('Hi', ['m']);
    await flush();
    receive('late');
    await flush();
    chat.show(RATED);
    chat.conversation.set(RATED);
    receive('r');
    stream.close();
    await sent;
    expect(chat.turns()[0]?.completions[0]).toMatchObject({ text: 'hello', state: 'done', storedId: 'r1' });
    expect(chat.conversations()[0]?.turns[0]?.completions[0]).toMatchObject({ text: 'late', state: 'stopped' });
    expect(chat.streaming()).toBe(false);
  });

  it('keeps a rating to itself when another one is shown', async () => {
    chat.conversation.set({ ...RATED, id: 'first' });
    const turn = chat.turns()[0]!;
    const rated = chat.rate(turn, turn.completions[0]!, 'bad');
    chat.conversation.set(RATED);
    http.expectOne('/feedback').flush({ id: 'f2' });
    await rated;
    expect(chat.turns()).toEqual(RATED.turns);
  });

  it('has no rating any more whose feedback is gone', async () => {
    chat.conversation.set(RATED);
    const turn = chat.turns()[0]!;
    const rated = chat.rate(turn, turn.completions[0]!, 'good');
    http.expectOne('/feedback/f1').flush({ detail: 'There is none.', code: 'not_found' }, { status: 404, statusText: 'Not Found' });
    await rated;
    expect(chat.turns()[0]?.completions[0]?.rating).toBeUndefined();
  });

  it('keeps a vote that could not be undone, and not one that is gone', async () => {
    chat.conversation.set({ ...RATED, turns: [{ ...RATED.turns[0]!, vote: { best: 'm', feedbackIds: ['f1'] } }] });
    for (const status of [503, 404]) {
      const undone = chat.undoVote(chat.turns()[0]!).catch(() => undefined);
      http.expectOne('/feedback/f1').flush({ detail: 'No.' }, { status, statusText: 'No' });
      await undone;
      expect(chat.turns()[0]?.vote).toEqual(status === 503 ? { best: 'm', feedbackIds: ['f1'] } : undefined);
    }
  });
});
