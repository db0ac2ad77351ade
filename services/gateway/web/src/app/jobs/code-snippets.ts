/** A training request as a CLI command and as a curl command. */
import { LoraSettings, TrainingRequest } from '../api/models';

const OPTIONS: [keyof TrainingRequest, string][] = [
  ['base', '--base'],
  ['method', '--method'],
  ['objective', '--objective'],
  ['beta', '--beta'],
  ['unsupported_rows', '--unsupported-rows'],
  ['validation', '--validation'],
  ['quantization', '--quantization'],
  ['name', '--name'],
  ['preset', '--preset'],
  ['epochs', '--epochs'],
  ['max_steps', '--steps'],
  ['batch_size', '--batch-size'],
  ['learning_rate', '--learning-rate'],
  ['scheduler', '--scheduler'],
  ['warmup_steps', '--warmup'],
  ['optimizer', '--optimizer'],
  ['max_length', '--max-length'],
  ['micro_batch_tokens', '--micro-batch-tokens'],
  ['eval_every', '--eval-every'],
  ['eval_rows', '--eval-rows'],
  ['max_eval_share', '--max-eval-share'],
  ['checkpoint_every', '--checkpoint-every'],
  ['early_stopping_patience', '--early-stopping'],
  ['max_minutes', '--max-minutes'],
  ['max_tokens', '--max-tokens'],
  ['dtype', '--dtype'],
  ['threads', '--threads'],
  ['processes', '--processes'],
  ['strategy', '--strategy'],
  ['seed', '--seed'],
  ['priority', '--priority'],
];
const LORA_OPTIONS: [keyof LoraSettings, string][] = [['rank', '--rank'], ['alpha', '--alpha'], ['dropout', '--dropout']];
/** Fields that have no CLI option. */
const API_ONLY: (keyof TrainingRequest)[] = ['resources', 'weight_decay', 'max_grad_norm', 'warmup_ratio', 'desirable_weight', 'undesirable_weight'];

export function cliCommand(request: TrainingRequest): string {
  const parts = ['anneal train', shellQuote(request.dataset)];
  for (const [field, option] of OPTIONS) {
    if (request[field] != null) parts.push(`${option} ${shellQuote(String(request[field]))}`);
  }
  for (const [field, option] of LORA_OPTIONS) {
    if (request.lora?.[field] != null) parts.push(`${option} ${shellQuote(String(request.lora[field]))}`);
  }
  if (request.gpu_kernels) parts.push('--gpu-kernels');
  if (request.gradient_checkpointing) parts.push('--gradient-checkpointing');
  for (const task of request.after ?? []) parts.push(`--then ${task}`);
  const apiOnly = API_ONLY.filter((field) => request[field] != null);
  const note = apiOnly.length ? `\n# API only: ${apiOnly.join(', ')}` : '';
  return `${parts.join(' ')} --watch${note}`;
}

export function curlCommand(request: TrainingRequest, origin: string): string {
  const body = JSON.stringify(request).replaceAll("'", "'\\''");
  return `curl ${origin}/training/jobs \\\n  -H "Authorization: Bearer $(cat $ANNEAL_HOME/api-key)" \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'`;
}

function shellQuote(value: string): string {
  return /^[\w@.:/=-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
