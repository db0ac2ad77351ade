/** The text of a prompt. */

/** The contents of all messages, one after the other. */
export function promptText(prompt: Record<string, unknown>[]): string {
  return prompt.map((turn) => String(turn['content'] ?? '')).join('\n');
}
