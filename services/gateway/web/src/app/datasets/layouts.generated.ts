/** Dataset layouts, written by `make reference` from services/dataset/layouts.py. Do not edit. */

export interface Layout {
  name: string;
  required: string[];
  optional: string[];
}

export const LAYOUTS: Layout[] = [
  { name: 'preference', required: ['chosen', 'rejected'], optional: ['prompt', 'messages', 'conversations', 'system', 'tools'] },
  { name: 'OpenAI preference', required: ['input', 'preferred_output', 'non_preferred_output'], optional: [] },
  { name: 'messages', required: ['messages'], optional: ['system', 'tools'] },
  { name: 'conversations', required: ['conversations'], optional: ['system', 'tools'] },
  { name: 'instruction/input/output', required: ['instruction', 'output'], optional: ['input', 'system'] },
  { name: 'prompt/completion', required: ['prompt', 'completion'], optional: ['system', 'tools'] },
  { name: 'prompt/response', required: ['prompt', 'response'], optional: ['system', 'tools'] },
  { name: 'question/answer', required: ['question', 'answer'], optional: ['system'] },
  { name: 'text', required: ['text'], optional: [] },
];
