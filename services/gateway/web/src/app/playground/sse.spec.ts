import { readEvents, splitEvents } from './sse';

function streamOf(...chunks: string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(encoder.encode(chunk));
      controller.close();
    },
  });
}

describe('server-sent events', () => {
  it('are reassembled from chunks and end at [DONE]', async () => {
    const events: string[] = [];
    for await (const data of readEvents(streamOf('data: {"a"', ':1}\n', '\ndata: {"b":2}\n\nda', 'ta: [DONE]\n\ndata: late\n\n'))) events.push(data);
    expect(events).toEqual(['{"a":1}', '{"b":2}']);
  });

  it('ignore comments and join data lines', () => {
    expect(splitEvents(': hello\n\ndata: a\ndata: b\n\nrest')).toEqual([['a\nb'], 'rest']);
  });
});
