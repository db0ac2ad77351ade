/** A training request as a CLI command and as a curl command. */
import { TrainingRequest } from '../api/models';

/** Options of `anneal train` that are not called as their field; every field has one. */
const RENAMED: Record<string, string> = { max_steps: 'steps', warmup_steps: 'warmup', early_stopping_patience: 'early_stopping', after: 'then', memory_gb: 'memory' };

export function cliCommand({ dataset, lora, resources, ...rest }: TrainingRequest): string {
  const options = Object.entries({ ...rest, ...lora, ...resources }).flatMap(([field, value]) => option(RENAMED[field] ?? field, value));
  return ['anneal train', shellQuote(dataset), ...options, '--watch'].join(' ');
}

function option(name: string, value: unknown): string[] {
  const flag = `--${name.replaceAll('_', '-')}`;
  if (value == null) return [];
  if (value === true) return [flag];
  if (value === false) return [flag.replace('--', '--no-')];
  if (Array.isArray(value) && name === 'then') return value.map((each) => `${flag} ${shellQuote(String(each))}`);
  return [`${flag} ${shellQuote(String(value))}`];
}

export function curlCommand(request: TrainingRequest, origin: string): string {
  const body = JSON.stringify(request).replaceAll("'", "'\\''");
  return `curl ${origin}/training/jobs \\\n  -H "Authorization: Bearer $(cat $ANNEAL_HOME/api-key)" \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'`;
}

function shellQuote(value: string): string {
  return /^[\w@.:,/=-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
