/** What preflight found, in words. */
import { Estimate } from '../api/models';

export interface Part {
  name: string;
  bytes: number;
}

const VERDICTS: Record<Estimate['verdict'], string> = {
  fits: 'It fits.',
  tight: 'It is tight: little memory is left for whatever else runs there.',
  does_not_fit: 'It does not fit.',
  unknown: 'Whether it fits is not known.',
};

const PARTS: Record<keyof NonNullable<Estimate['memory']>, string> = {
  weights: 'Weights',
  gradients: 'Gradients',
  optimizer: 'Optimizer',
  activations: 'Activations',
  logits: 'Logits',
  overhead: 'Allocator and engine',
  libraries: 'Libraries',
};

export function verdictOf(estimate: Estimate): string {
  return VERDICTS[estimate.verdict];
}

/** The parts of the memory, largest first. */
export function partsOf(estimate: Estimate): Part[] {
  const parts = Object.entries(estimate.memory ?? {}).map(([name, bytes]) => ({ name: PARTS[name as keyof typeof PARTS], bytes }));
  return parts.sort((a, b) => b.bytes - a.bytes);
}

/** `method lora, dtype bf16`. */
export function changesOf(changes: Record<string, unknown>): string {
  return Object.entries(changes).map(([name, value]) => `${name.replaceAll('_', ' ')} ${value}`).join(', ');
}
