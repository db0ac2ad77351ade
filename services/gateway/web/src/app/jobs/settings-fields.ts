/** The training settings in the form: labels, limits and a hint each. */
import { Report, TrainingSettings } from '../api/models';
import { FollowUpTask, Method } from './job-draft';

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
  { name: 'lora', label: 'LoRA', help: 'Trains low-rank adapters on frozen weights. Recommended for most tasks.' },
  { name: 'qlora', label: 'QLoRA', help: 'LoRA on 4-bit quantized weights. Uses the least memory, slightly slower.' },
  { name: 'full', label: 'Full', help: 'Trains all weights. Uses the most memory; for small models or large datasets.' },
];

export type Objective = NonNullable<TrainingSettings['objective']>;

/** The training objectives for datasets of preferences, by the form of the rows, the default first. */
export const OBJECTIVES: Partial<Record<Report['form'], { name: Objective; label: string; help: string }[]>> = {
  preference: [
    { name: 'dpo', label: 'DPO', help: 'Direct preference optimization. Start from a model that can already do the task.' },
    { name: 'sft', label: 'SFT', help: 'Supervised fine-tuning on the chosen responses. Ignores the rejected ones.' },
  ],
  unpaired: [
    { name: 'kto', label: 'KTO', help: 'Kahneman-Tversky optimization on answers with a label. For SFT, upload only the rows with label true.' },
  ],
};

export const FOLLOW_UP_TASKS: { name: FollowUpTask; label: string }[] = [
  { name: 'evaluate', label: 'Evaluate on the validation split' },
  { name: 'export_torch', label: 'Export as safetensors' },
  { name: 'export_onnx', label: 'Export as ONNX' },
  { name: 'deploy', label: 'Deploy for inference' },
];

const number = (name: string, label: string, help: string, limits: Partial<Field> = {}): Field => ({ name, label, help, kind: 'number', step: 'any', ...limits });
const choice = (name: string, label: string, help: string, choices: Field['choices']): Field => ({ name, label, help, kind: 'choice', choices });

export const LORA_FIELDS: Field[] = [
  number('rank', 'LoRA rank', 'Default: 16', { min: 1, max: 1024, step: '1' }),
  number('alpha', 'LoRA alpha', 'Default: 2 × rank', { min: 0, max: 4096 }),
  number('dropout', 'LoRA dropout', 'Default: 0; 0.05 reduces overfitting', { min: 0, max: 0.99 }),
];

const BETA = number('beta', 'Beta', 'Default: 0.1; higher stays closer to the base model', { min: 0, max: 100 });

/** The settings of each objective on preferences. */
export const PREFERENCE_FIELDS: Partial<Record<Objective, Field[]>> = {
  dpo: [BETA],
  kto: [
    BETA,
    number('desirable_weight', 'Desirable weight', 'Default: 1; for answers with label true', { min: 0, max: 100 }),
    number('undesirable_weight', 'Undesirable weight', 'Default: 1; for answers with label false', { min: 0, max: 100 }),
  ],
};

export const FIELD_GROUPS: { heading: string; fields: Field[] }[] = [
  {
    heading: 'Training schedule',
    fields: [
      number('epochs', 'Epochs', 'Passes over the training data', { min: 0, max: 1000 }),
      number('max_steps', 'Max steps', 'Overrides epochs', { min: 1, step: '1' }),
      number('batch_size', 'Batch size', 'Rows per optimizer step', { min: 1, step: '1' }),
      number('learning_rate', 'Learning rate', 'Peak, after warmup', { min: 0, max: 1 }),
      choice('scheduler', 'LR scheduler', 'Learning rate decay', ['cosine', 'linear', 'constant', 'polynomial', 'inverse_sqrt']),
      number('warmup_steps', 'Warmup steps', 'Steps to the peak learning rate', { min: 0, step: '1' }),
      number('max_length', 'Max length', 'Tokens; longer rows are truncated', { min: 8, step: '1' }),
    ],
  },
  {
    heading: 'Evaluation & early stopping',
    fields: [
      number('eval_every', 'Evaluation interval', 'Steps between evaluations', { min: 1, step: '1' }),
      number('eval_rows', 'Evaluation rows', 'Validation rows per evaluation', { min: 1, step: '1' }),
      number('max_eval_share', 'Max evaluation share', 'Of the computation; limits interval and rows', { min: 0, max: 1 }),
      number('checkpoint_every', 'Checkpoint interval', 'Steps between checkpoints', { min: 1, step: '1' }),
      number('early_stopping_patience', 'Early-stopping patience', 'Evaluations without improvement', { min: 1, step: '1' }),
      number('max_minutes', 'Max minutes', 'Then training ends and the model is saved', { min: 0 }),
      number('max_tokens', 'Max tokens', 'Training tokens; sets the LR decay', { min: 1, step: '1' }),
      number('seed', 'Seed', 'For reproducible runs', { min: 0, step: '1' }),
    ],
  },
  {
    heading: 'Optimizer & precision',
    fields: [
      choice('optimizer', 'Optimizer', '8-bit saves GPU memory', ['adamw', 'adamw_8bit']),
      number('weight_decay', 'Weight decay', 'Regularization strength', { min: 0, max: 1 }),
      number('max_grad_norm', 'Gradient clipping', 'Max gradient norm', { min: 0, max: 1000 }),
      choice('dtype', 'Precision', 'auto picks the best for the hardware', ['auto', 'fp32', 'bf16', 'fp16']),
      number('micro_batch_tokens', 'Micro-batch tokens', 'Limits memory; results stay the same', { min: 16, step: '1' }),
      choice('gradient_checkpointing', 'Gradient checkpointing', 'Saves memory, about a third slower; automatic if memory is short', [true, false]),
      choice('gpu_kernels', 'GPU kernels', 'Packed rows, flash attention and Liger, if a trial run agrees; off by default', [true, false]),
      number('threads', 'CPU threads', 'Threads of the training process', { min: 1, step: '1' }),
      number('priority', 'Priority', '-100 to 100; higher runs first', { min: -100, max: 100, step: '1' }),
    ],
  },
];
