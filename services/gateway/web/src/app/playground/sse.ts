/** Server-sent events from a streamed response body. */

/** Yields the data of each event until `[DONE]`. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let buffer = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const [events, rest] = splitEvents(buffer + value);
      buffer = rest;
      for (const data of events) {
        if (data === '[DONE]') return;
        yield data;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** The data of the complete events in `text`, and the incomplete rest. */
export function splitEvents(text: string): [string[], string] {
  const parts = text.split(/\r?\n\r?\n/);
  const rest = parts.pop() ?? '';
  const events = parts.map((event) => dataLines(event).join('\n')).filter((data) => data);
  return [events, rest];
}

function dataLines(event: string): string[] {
  return event
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5).replace(/^ /, ''));
}
