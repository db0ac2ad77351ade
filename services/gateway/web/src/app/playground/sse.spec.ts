import { events, split } from './sse';

function stream(...pieces: string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(encoder.encode(piece));
      controller.close();
    },
  });
}

describe('server-sent events', () => {
  it('are put together from any pieces', async () => {
    const found: string[] = [];
    for await (const data of events(stream('data: {"a"', ':1}\n', '\ndata: {"b":2}\n\nda', 'ta: [DONE]\n\ndata: late\n\n'))) found.push(data);
    expect(found).toEqual(['{"a":1}', '{"b":2}']);
  });

  it('pass by comments and join lines', () => {
    expect(split(': hello\n\ndata: a\ndata: b\n\nrest')).toEqual([['a\nb'], 'rest']);
  });
});
