/** The settings of several jobs as rows of a table. */
import { JobView } from '../../api/models';
import { formatMethod, sentenceCase } from '../../elements/format';

export interface SettingRow {
  name: string;
  /** One text per job; a dash where the job does not have the setting. */
  values: string[];
  differs: boolean;
}

/** Every setting that a job has, and whether they differ. */
export function compareSettings(jobs: readonly JobView[]): SettingRow[] {
  const settings = jobs.map(settingsOf);
  const names = new Set(settings.flatMap((each) => [...each.keys()]));
  return [...names].map((name) => {
    const values = settings.map((each) => each.get(name) ?? '–');
    return { name, values, differs: new Set(values).size > 1 };
  });
}

function settingsOf(job: JobView): Map<string, string> {
  const { lora, ...hyperparameters } = job.hyperparameters;
  const adapter = Object.entries((lora ?? {}) as Record<string, unknown>).map(([name, value]) => [`LoRA ${name.replaceAll('_', ' ')}`, value] as const);
  const { cpu, gpu } = job.resources;
  const settings = {
    'Base model': job.base_name,
    Method: formatMethod(job.method),
    Dataset: job.dataset_name || job.dataset_id,
    'Dataset version': job.dataset_version,
    'Validation dataset': job.validation_id,
    Preset: job.preset,
    ...Object.fromEntries(Object.entries(hyperparameters).map(([name, value]) => [sentenceCase(name), value])),
    ...Object.fromEntries(adapter),
    CPU: cpu,
    GPU: gpu,
  };
  return new Map(Object.entries(settings).filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : typeof value === 'object' ? JSON.stringify(value) : String(value)]));
}
