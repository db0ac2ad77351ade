/** Dataset layouts, written by `make reference` from services/dataset/layouts.py. Do not edit. */

export interface Layout {
  name: string;
  required: string[];
  optional: string[];
}

export const LAYOUTS: Layout[] = [
  { name: 'preference', required: ['chosen', 'rejected'], optional: ['prompt', 'messages', 'input', 'context', 'history', 'system', 'tools', 'chat_template_kwargs', 'weight', 'split'] },
  { name: 'OpenAI preference', required: ['input', 'preferred_output', 'non_preferred_output'], optional: ['weight', 'split'] },
  { name: 'messages/rejected_response', required: ['messages', 'rejected_response'], optional: ['history', 'system', 'tools', 'chat_template_kwargs', 'weight', 'split'] },
  { name: 'prompt/completion/rejected_response', required: ['prompt', 'completion', 'rejected_response'], optional: ['input', 'context', 'history', 'system', 'tools', 'chat_template_kwargs', 'weight', 'split'] },
  { name: 'messages/label', required: ['messages', 'label'], optional: ['history', 'system', 'tools', 'chat_template_kwargs', 'weight', 'split'] },
  { name: 'messages', required: ['messages'], optional: ['history', 'system', 'tools', 'chat_template_kwargs', 'weight', 'split'] },
  { name: 'prompt/completion/label', required: ['prompt', 'completion', 'label'], optional: ['input', 'context', 'history', 'system', 'tools', 'chat_template_kwargs', 'reasoning_content', 'weight', 'split'] },
  { name: 'prompt/completion', required: ['prompt', 'completion'], optional: ['input', 'context', 'history', 'system', 'tools', 'chat_template_kwargs', 'reasoning_content', 'weight', 'split'] },
  { name: 'text', required: ['text'], optional: ['weight', 'split'] },
];
