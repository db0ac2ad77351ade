/** What pages call the metrics of a training job and of its model. */
import { sentenceCase } from '../elements/format';

const NAMES: Record<string, string> = {
  memory_mb: 'RAM',
  gpu_memory_mb: 'GPU memory',
  gpu_memory_peak_mb: 'GPU memory, peak',
  cpu_percent: 'CPU (100 = 1 core)',
  gpu_utilization: 'GPU',
  gpu_temperature_c: 'GPU temperature (°C)',
  gpu_power_w: 'GPU power (W)',
  grad_norm: 'Gradient norm',
  kl: 'KL divergence',
  train_loss_first: 'Training loss, first step',
  train_loss_last: 'Training loss, last step',
  validation_loss_first: 'Validation loss, before training',
  validation_loss_last: 'Validation loss, last',
  validation_loss_best: 'Validation loss, lowest',
};

export function metricName(name: string): string {
  return NAMES[name] ?? sentenceCase(name.replace(/^rewards\//, ''));
}
