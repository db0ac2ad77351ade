/** The settings of a job as the form shows them: names, limits and one sentence of help each. */
import { TrainingSettings } from '../api/models';
import { Follow, Method } from './draft';

export interface Field {
  name: string;
  label: string;
  help: string;
  kind: 'number' | 'choice';
  choices?: (string | boolean)[];
  min?: number;
  max?: number;
  step?: string;
}

export const METHODS: { name: Method; label: string; help: string }[] = [
  { name: 'lora', label: 'LoRA', help: 'Trains small matrices beside the frozen weights. The right start for almost everything.' },
  { name: 'qlora', label: 'QLoRA', help: 'LoRA on weights kept in 4 bits: the least memory, a little slower.' },
  { name: 'full', label: 'Full', help: 'Trains every weight: the most memory; for small models or much data.' },
];

export type Objective = NonNullable<TrainingSettings['objective']>;

/** What preference pairs can teach. */
export const OBJECTIVES: { name: Objective; label: string; help: string }[] = [
  { name: 'dpo', label: 'Compare the answers', help: 'Learns which of two answers is better (DPO): the start is a model that already answers.' },
  { name: 'sft', label: 'Learn the chosen answers', help: 'As from any conversation; the rejected answers are not used.' },
];

export const FOLLOW_UPS: { name: Follow; label: string }[] = [
  { name: 'evaluate', label: 'Evaluate on the validation rows' },
  { name: 'export_torch', label: 'Export as safetensors' },
  { name: 'export_onnx', label: 'Export as ONNX' },
  { name: 'deploy', label: 'Deploy for chat' },
];

const number = (name: string, label: string, help: string, limits: Partial<Field> = {}): Field => ({ name, label, help, kind: 'number', step: 'any', ...limits });
const choice = (name: string, label: string, help: string, choices: Field['choices']): Field => ({ name, label, help, kind: 'choice', choices });

export const LORA_FIELDS: Field[] = [
  number('rank', 'Rank', 'Size of the added matrices; 16 by default', { min: 1, max: 1024, step: '1' }),
  number('alpha', 'Alpha', 'Scale of the update: alpha / rank; 2 × rank by default', { min: 0, max: 4096 }),
  number('dropout', 'Dropout', '0 by default; 0.05 helps against overfitting', { min: 0, max: 0.99 }),
];

export const GROUPS: { heading: string; fields: Field[] }[] = [
  {
    heading: 'Length and rate',
    fields: [
      number('epochs', 'Epochs', 'Passes over the data', { min: 0, max: 1000 }),
      number('max_steps', 'Steps', 'Instead of epochs', { min: 1, step: '1' }),
      number('batch_size', 'Rows per step', 'Rows behind each optimizer step', { min: 1, step: '1' }),
      number('learning_rate', 'Learning rate', 'By method and model size when left out', { min: 0, max: 1 }),
      choice('scheduler', 'Schedule', 'How the rate falls', ['cosine', 'linear', 'constant', 'polynomial', 'inverse_sqrt']),
      number('warmup_steps', 'Warm-up steps', 'Steps until the full rate', { min: 0, step: '1' }),
      number('max_length', 'Maximum length', 'Tokens; longer rows are cut', { min: 8, step: '1' }),
    ],
  },
  {
    heading: 'Watching and stopping',
    fields: [
      number('eval_every', 'Evaluate every', 'Steps between validation losses', { min: 1, step: '1' }),
      number('checkpoint_every', 'Checkpoint every', 'Steps between points to go on from', { min: 1, step: '1' }),
      number('early_stopping_patience', 'Patience', 'Evaluations without gain before it stops', { min: 1, step: '1' }),
      number('max_minutes', 'Minutes at most', 'Of training; then the model is delivered', { min: 0 }),
      number('max_tokens', 'Tokens at most', 'To train on; the learning rate falls along with them', { min: 1, step: '1' }),
      number('seed', 'Seed', 'The same seed gives the same run', { min: 0, step: '1' }),
    ],
  },
  {
    heading: 'Optimizer and numbers',
    fields: [
      choice('optimizer', 'Optimizer', '8-bit saves memory on a GPU', ['adamw', 'adamw_8bit']),
      number('weight_decay', 'Weight decay', 'Pulls weights towards zero', { min: 0, max: 1 }),
      number('max_grad_norm', 'Gradient limit', 'Longer gradients are scaled down', { min: 0, max: 1000 }),
      choice('dtype', 'Number format', 'auto takes what the machine does best', ['auto', 'fp32', 'bf16', 'fp16']),
      number('micro_batch_tokens', 'Tokens at once', 'Bounds memory, not the result', { min: 16, step: '1' }),
      choice('gradient_checkpointing', 'Gradient checkpointing', 'Much less memory, a third more time; chosen where memory is short', [true, false]),
      choice('compile', 'Compile', 'Behind the first steps, if a trial agrees; chosen for long jobs', [true, false]),
      number('threads', 'CPU threads', 'Of the engine', { min: 1, step: '1' }),
      number('priority', 'Priority', '-100 to 100; higher goes first', { min: -100, max: 100, step: '1' }),
    ],
  },
];
