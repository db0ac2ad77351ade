/** The training settings in the form, with a label and a hint each. Their limits come from the platform. */
import { Report, TrainingSettings } from '../api/models';
import { FollowUpTask, Method } from './job-draft';

export interface Field {
  name: string;
  label: string;
  help: string;
  kind: 'number' | 'choice' | 'text';
  choices?: (string | boolean)[];
  step?: string;
  /** What no value means. */
  none?: string;
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

const number = (name: string, label: string, help: string, rest: Partial<Field> = {}): Field => ({ name, label, help, kind: 'number', step: 'any', ...rest });
const choice = (name: string, label: string, help: string, choices: Field['choices']): Field => ({ name, label, help, kind: 'choice', choices });

export const LORA_FIELDS: Field[] = [
  number('lora.rank', 'LoRA rank', 'Of the update matrices', { step: '1' }),
  number('lora.alpha', 'LoRA alpha', 'Updates count alpha / rank'),
  number('lora.dropout', 'LoRA dropout', '0.05 reduces overfitting'),
  { name: 'lora.targets', label: 'Target modules', help: 'all-linear, or names with commas: q_proj, v_proj', kind: 'text' },
  choice('lora.rslora', 'rsLoRA', 'Updates count alpha / √rank: for high ranks', [true, false]),
];

export const RESOURCE_FIELDS: Field[] = [
  number('resources.cpu', 'CPU cores', 'Reserved for the job', { step: '1' }),
  number('resources.gpu', 'GPUs', 'Reserved for the job', { step: '1' }),
  number('resources.memory_gb', 'Memory (GiB)', 'Reserved for the job', { none: 'None reserved' }),
];

const BETA = number('beta', 'Beta', 'Higher stays closer to the base model');

/** The settings of each objective on preferences. */
export const PREFERENCE_FIELDS: Partial<Record<Objective, Field[]>> = {
  dpo: [BETA],
  kto: [
    BETA,
    number('desirable_weight', 'Desirable weight', 'For answers with label true'),
    number('undesirable_weight', 'Undesirable weight', 'For answers with label false'),
  ],
};

export const FIELD_GROUPS: { heading: string; fields: Field[] }[] = [
  {
    heading: 'Training schedule',
    fields: [
      number('epochs', 'Epochs', 'Passes over the training data', { none: 'By max steps' }),
      number('max_steps', 'Max steps', 'Optimizer steps, instead of epochs', { step: '1', none: 'By epochs' }),
      number('batch_size', 'Batch size', 'Rows per optimizer step', { step: '1' }),
      number('learning_rate', 'Learning rate', 'Peak, after warmup'),
      choice('scheduler', 'LR scheduler', 'Learning rate decay', ['cosine', 'linear', 'constant', 'polynomial', 'inverse_sqrt']),
      number('warmup_steps', 'Warmup steps', 'Steps to the peak learning rate', { step: '1' }),
      number('max_length', 'Max length', 'Tokens; longer rows are truncated', { step: '1', none: '99 % of the rows' }),
    ],
  },
  {
    heading: 'Evaluation & early stopping',
    fields: [
      number('eval_every', 'Evaluation interval', 'Steps between evaluations', { step: '1' }),
      number('eval_rows', 'Evaluation rows', 'Validation rows per evaluation', { step: '1' }),
      number('max_eval_share', 'Max evaluation share', 'Of the computation; limits interval and rows', { none: '0.1' }),
      number('checkpoint_every', 'Checkpoint interval', 'Steps between checkpoints', { step: '1' }),
      number('early_stopping_patience', 'Early-stopping patience', 'Evaluations without improvement', { step: '1', none: 'Off' }),
      number('max_minutes', 'Max minutes', 'Then training ends and the model is saved', { none: 'No limit' }),
      number('max_tokens', 'Max tokens', 'Training tokens; sets the LR decay', { step: '1', none: 'No limit' }),
      number('seed', 'Seed', 'For reproducible runs', { step: '1' }),
    ],
  },
  {
    heading: 'Optimizer & precision',
    fields: [
      choice('optimizer', 'Optimizer', '8-bit saves GPU memory', ['adamw', 'adamw_8bit']),
      number('weight_decay', 'Weight decay', 'Regularization strength'),
      number('max_grad_norm', 'Gradient clipping', 'Max gradient norm'),
      choice('dtype', 'Precision', 'auto picks the best for the hardware', ['auto', 'fp32', 'bf16', 'fp16']),
      number('micro_batch_tokens', 'Micro-batch tokens', 'Limits memory; results stay the same', { step: '1' }),
      choice('gradient_checkpointing', 'Gradient checkpointing', 'Saves memory, about a third slower; automatic if memory is short', [true, false]),
      choice('gpu_kernels', 'GPU kernels', 'Packed rows, flash attention and Liger, if a trial run agrees; off by default', [true, false]),
      number('threads', 'CPU threads', 'Threads of the training process', { step: '1' }),
      number('priority', 'Priority', '-100 to 100; higher runs first', { step: '1' }),
    ],
  },
];

const FIELDS: Field[] = [...FIELD_GROUPS.flatMap((group) => group.fields), ...LORA_FIELDS, ...RESOURCE_FIELDS, ...(PREFERENCE_FIELDS.kto ?? [])];
const LABELS = new Map<string, string>([
  ...FIELDS.map((field): [string, string] => [field.name, field.label]),
  ...Object.entries({ dataset: 'Dataset', base: 'Base model', validation: 'Validation dataset', name: 'Name', preset: 'Preset', processes: 'Processes', unsupported_rows: 'Unsupported rows' }),
]);

/** The label of a setting, if a form shows it. */
export function settingLabel(name: string): string | undefined {
  return LABELS.get(name);
}
