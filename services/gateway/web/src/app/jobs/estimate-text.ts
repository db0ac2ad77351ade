/** A resource estimate as text. */
import { Estimate } from '../api/models';

export interface MemoryComponent {
  label: string;
  bytes: number;
}

const VERDICTS: Record<Estimate['verdict'], string> = {
  fits: 'Fits in memory',
  tight: 'Fits, but leaves little memory for anything else',
  does_not_fit: 'Does not fit in memory',
  unknown: 'Memory limit unknown',
};

const COMPONENT_LABELS: Record<keyof NonNullable<Estimate['memory']>, string> = {
  weights: 'Weights',
  gradients: 'Gradients',
  optimizer: 'Optimizer states',
  activations: 'Activations',
  logits: 'Logits',
  overhead: 'Allocator and runtime',
  libraries: 'Libraries',
};

export function verdictText(estimate: Estimate): string {
  return VERDICTS[estimate.verdict];
}

/** The components of the estimated memory, largest first. */
export function memoryBreakdown(estimate: Estimate): MemoryComponent[] {
  const components = Object.entries(estimate.memory ?? {}).map(([name, bytes]) => ({ label: COMPONENT_LABELS[name as keyof typeof COMPONENT_LABELS], bytes }));
  return components.sort((a, b) => b.bytes - a.bytes);
}

/** `method lora, dtype bf16`. */
export function settingsText(settings: Record<string, unknown>): string {
  return Object.entries(settings).map(([name, value]) => `${name.replaceAll('_', ' ')} ${value}`).join(', ');
}
