/** The same job by the command line and by the API. */
import { LoraSettings, TrainingRequest } from '../api/models';

const OPTIONS: [keyof TrainingRequest, string][] = [
  ['base', '--base'],
  ['method', '--method'],
  ['objective', '--objective'],
  ['beta', '--beta'],
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
  ['eval_every', '--eval-every'],
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
const LORA: [keyof LoraSettings, string][] = [['rank', '--rank'], ['alpha', '--alpha'], ['dropout', '--dropout']];
/** Members that the command line has no option for. */
const API_ONLY: (keyof TrainingRequest)[] = ['resources', 'weight_decay', 'max_grad_norm', 'micro_batch_tokens', 'warmup_ratio'];

export function command(request: TrainingRequest): string {
  const words = ['anneal train', quoted(request.dataset)];
  for (const [member, option] of OPTIONS) {
    if (request[member] != null) words.push(`${option} ${quoted(String(request[member]))}`);
  }
  for (const [member, option] of LORA) {
    if (request.lora?.[member] != null) words.push(`${option} ${quoted(String(request.lora[member]))}`);
  }
  if (request.compile) words.push('--compile');
  if (request.gradient_checkpointing) words.push('--gradient-checkpointing');
  for (const next of request.after ?? []) words.push(`--then ${next}`);
  const missing = API_ONLY.filter((member) => request[member] != null);
  const note = missing.length ? `\n# only by the API: ${missing.join(', ')}` : '';
  return `${words.join(' ')} --watch${note}`;
}

export function curl(request: TrainingRequest, origin: string): string {
  const body = JSON.stringify(request).replaceAll("'", "'\\''");
  return `curl ${origin}/training/jobs \\\n  -H "Authorization: Bearer $(cat $ANNEAL_HOME/api-key)" \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'`;
}

function quoted(word: string): string {
  return /^[\w@.:/=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
