/** A normalized row: its turns, answers and further members, each with its name. */
import { Component, computed, input } from '@angular/core';

/** A message of a normalized row. */
interface Message {
  role: string;
  content: unknown;
  train?: boolean;
  reasoning_content?: string;
  tool_calls?: unknown[];
}

const OTHER_MEMBERS = ['text', 'chosen', 'rejected', 'completion', 'label', 'tools', 'chat_template_kwargs'];

@Component({
  selector: 'an-row-turns',
  template: `
    @for (turn of turns(); track $index) {
      <p class="turn"><b>{{ turn.role }}</b> {{ turn.content }}</p>
    }
  `,
  styles: `
    .turn { margin: 0.15rem 0; max-width: none; overflow-wrap: anywhere; white-space: pre-wrap; }
    b { color: var(--text-muted); font-weight: 600; margin-right: 0.4rem; }
  `,
})
export class RowTurns {
  readonly row = input.required<Record<string, unknown>>();
  protected readonly turns = computed(() => turnsOf(this.row()));
}

function turnsOf(row: Record<string, unknown>): { role: string; content: string }[] {
  const toText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  const messages = (row['messages'] as Message[] | undefined) ?? [];
  const turns = messages.flatMap(({ role, content, train, reasoning_content, tool_calls }) => [
    ...(reasoning_content ? [{ role: `${role} (reasoning)`, content: reasoning_content }] : []),
    { role: train === false ? `${role} (not trained)` : role, content: toText(content) ?? '' },
    ...(tool_calls ? [{ role: `${role} (tool calls)`, content: toText(tool_calls) }] : []),
  ]);
  const others = OTHER_MEMBERS.filter((name) => row[name] !== undefined).map((name) => ({ role: name, content: toText(row[name]) }));
  return [...turns, ...others];
}
