/** Server-sent events out of a streamed answer, whatever the pieces it arrives in. */

/** Yields the data of each event until `[DONE]`. */
export async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const [complete, left] = split(rest + value);
      rest = left;
      for (const data of complete) {
        if (data === '[DONE]') return;
        yield data;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** The data of the complete events in `text`, and what follows them. */
export function split(text: string): [string[], string] {
  const parts = text.split(/\r?\n\r?\n/);
  const rest = parts.pop() ?? '';
  const data = parts.map((event) => lines(event).join('\n')).filter((found) => found);
  return [data, rest];
}

function lines(event: string): string[] {
  return event
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5).replace(/^ /, ''));
}
