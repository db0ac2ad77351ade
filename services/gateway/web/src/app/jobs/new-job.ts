/** Creates a training job: dataset, base model, method and follow-up tasks, with the equivalent CLI command and API request. */
import { Component, computed, effect, inject, input, linkedSignal, signal, untracked } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Router, RouterLink } from '@angular/router';

import { LoraSettings, PresetView, TrainingSettings } from '../api/models';
import { DatasetService, ModelService, TrainingService } from '../api/services';
import { CodeBlock } from '../elements/code-block';
import { Icon } from '../elements/icon';
import { CountPipe, MethodPipe, ParametersPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { WarningList } from '../elements/warning-list';
import { modelLabel } from '../models/model-label';
import { Notifications } from '../platform/notifications';
import { fetchAllPages } from '../platform/paged-query';
import { Problem, toProblem } from '../platform/problem';
import { injectQuery } from '../platform/query';
import { cliCommand, curlCommand } from './code-snippets';
import { FollowUpTask, JobDraftStore, Method } from './job-draft';
import { ResourceEstimate, UNSUPPORTED_ROWS } from './resource-estimate';
import { Field, FIELD_GROUPS, FOLLOW_UP_TASKS, LORA_FIELDS, METHODS, Objective, OBJECTIVES, PREFERENCE_FIELDS } from './settings-fields';

/** A random key. crypto.randomUUID is missing in pages served over plain HTTP. */
function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('');
}

@Component({
  selector: 'an-new-job',
  imports: [CodeBlock, CountPipe, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, MethodPipe, ParametersPipe, ProblemCard, ResourceEstimate, RouterLink, WarningList],
  templateUrl: './new-job.html',
  styleUrl: './new-job.scss',
})
export class NewJob {
  /** The dataset and base model to preselect, from the query parameters. */
  readonly dataset = input<string>();
  readonly base = input<string>();

  private readonly datasetApi = inject(DatasetService);
  private readonly models = inject(ModelService);
  private readonly training = inject(TrainingService);
  private readonly router = inject(Router);
  private readonly notifications = inject(Notifications);
  protected readonly drafts = inject(JobDraftStore);
  protected readonly draft = this.drafts.draft;
  protected readonly modelLabel = modelLabel;
  protected readonly methods = METHODS;
  protected readonly unsupportedRows = UNSUPPORTED_ROWS;
  protected readonly fieldGroups = FIELD_GROUPS;
  protected readonly loraFields = LORA_FIELDS;
  protected readonly followUpTasks = FOLLOW_UP_TASKS;
  protected readonly submitting = signal(false);
  protected readonly problem = signal<Problem | undefined>(undefined);
  protected readonly presetName = signal('');
  protected readonly presetShared = signal(true);

  protected readonly datasets = injectQuery(() => ({ key: 'datasets/all', fetch: () => fetchAllPages((cursor) => this.datasetApi.listDatasets({ limit: 200, cursor })) }));
  protected readonly availableModels = injectQuery(() => ({ key: 'available', fetch: () => this.models.listAvailableModels() }));
  protected readonly presets = injectQuery(() => ({ key: 'presets', fetch: () => fetchAllPages((cursor) => this.training.listTrainingPresets({ limit: 200, cursor })) }));
  protected readonly presetGroups = computed(() => {
    const presets = this.presets.value()?.items ?? [];
    const groups = [
      { label: 'Private', presets: presets.filter((preset) => !preset.shared) },
      { label: 'Shared', presets: presets.filter((preset) => preset.shared) },
    ];
    return groups.filter((group) => group.presets.length);
  });
  protected readonly presetSettings = computed(() => this.findPreset(this.draft().preset)?.settings ?? {});
  protected readonly presetLora = computed(() => (this.presetSettings()['lora'] ?? {}) as Record<string, unknown>);

  protected readonly trainableDatasets = computed(() => (this.datasets.value()?.items ?? []).filter((dataset) => dataset.state === 'ready' && dataset.report?.splits['train']));
  protected readonly usableModels = computed(() => (this.availableModels.value()?.items ?? []).filter((model) => model.usable));
  protected readonly selectedDataset = computed(() => this.trainableDatasets().find((dataset) => dataset.id === this.draft().dataset.split('@')[0]));
  protected readonly selectedBase = computed(() => this.usableModels().find((model) => [model.reference, model.id].includes(this.draft().base)));
  /** Datasets with rows of the same form, other than from a test split. */
  protected readonly validationDatasets = computed(() => {
    const selected = this.selectedDataset();
    const ready = (this.datasets.value()?.items ?? []).filter((dataset) => dataset.state === 'ready' && dataset.id !== selected?.id);
    return ready.filter(({ report }) => report?.form === selected?.report?.form && (report?.splits['train'] || report?.splits['validation']));
  });
  /** The objectives that the rows of the dataset allow, the default first; none where there is no choice to explain. */
  protected readonly objectives = computed(() => OBJECTIVES[this.selectedDataset()?.report?.form ?? 'messages'] ?? []);
  protected readonly objective = computed(() => this.draft().settings.objective ?? (this.presetSettings()['objective'] as Objective | undefined) ?? this.objectives()[0]?.name);
  protected readonly preferenceFields = computed(() => PREFERENCE_FIELDS[this.objective() ?? 'sft'] ?? []);
  protected readonly version = computed(() => this.draft().dataset.split('@')[1]);
  /** One key per request: submitting again after a lost response does not create a second job. */
  private readonly idempotencyKey = linkedSignal({ source: this.drafts.request, computation: newIdempotencyKey });
  protected readonly cliCommand = computed(() => cliCommand(this.drafts.request()));
  protected readonly curlCommand = computed(() => curlCommand(this.drafts.request(), location.origin));

  constructor() {
    effect(() => {
      const [dataset, base] = [this.dataset(), this.base()];
      untracked(() => {
        if (dataset) this.drafts.selectDataset(dataset);
        if (base) this.drafts.update({ base });
      });
    });
    effect(() => {
      const first = this.trainableDatasets()[0];
      if (first && !untracked(this.draft).dataset) this.drafts.update({ dataset: first.id });
    });
  }

  protected setMethod(method: Method): void {
    this.drafts.update({ method });
  }

  protected setObjective(objective: Objective): void {
    this.drafts.update({ settings: { ...this.draft().settings, objective } });
  }

  /** Selects a preset and its method. Its other values appear as hints of empty fields. */
  protected selectPreset(id: string): void {
    const method = this.findPreset(id)?.settings['method'] as Method | undefined;
    this.drafts.update({ preset: id, ...(method ? { method } : {}) });
  }

  protected hint(field: Field, preset: Record<string, unknown>): string {
    const value = preset[field.name];
    return value === undefined || value === null ? field.help : `Preset value: ${value}`;
  }

  protected value(field: Field): unknown {
    return this.draft().settings[field.name as keyof TrainingSettings] ?? '';
  }

  protected loraValue(field: Field): unknown {
    return this.draft().lora[field.name as keyof LoraSettings] ?? '';
  }

  protected set(field: Field, value: unknown): void {
    this.drafts.update({ settings: { ...this.draft().settings, [field.name]: value === '' ? null : value } });
  }

  protected setLora(field: Field, value: unknown): void {
    this.drafts.update({ lora: { ...this.draft().lora, [field.name]: value === '' ? null : value } });
  }

  protected resource(name: 'cpu' | 'gpu' | 'memory_gb'): unknown {
    return this.draft().settings.resources?.[name] ?? '';
  }

  protected setResource(name: string, value: unknown): void {
    const resources = Object.fromEntries(Object.entries({ ...this.draft().settings.resources, [name]: value === '' ? null : value }).filter(([, v]) => v !== null));
    this.drafts.update({ settings: { ...this.draft().settings, resources: Object.keys(resources).length ? resources : null } });
  }

  /** Applies settings that the estimate suggests. */
  protected applySettings(suggested: Record<string, unknown>): void {
    const { method, ...settings } = suggested;
    this.problem.set(undefined);
    this.drafts.update({ ...(method ? { method: method as Method } : {}), settings: { ...this.draft().settings, ...settings } });
  }

  protected toggleFollowUp(task: FollowUpTask, enabled: boolean): void {
    const others = this.draft().after.filter((other) => other !== task);
    this.drafts.update({ after: enabled ? [...others, task] : others });
  }

  /** Whether the platform rejected the value of this field. */
  protected isInvalid(name: string): boolean {
    return this.problem()?.field?.split('.').at(-1) === name;
  }

  protected async start(): Promise<void> {
    this.submitting.set(true);
    this.problem.set(undefined);
    try {
      const job = await this.training.createTrainingJob({ 'Idempotency-Key': this.idempotencyKey(), body: this.drafts.request() });
      this.idempotencyKey.set(newIdempotencyKey());
      this.drafts.update({ name: '' });
      await this.router.navigate(['/jobs', job.id]);
    } catch (failure) {
      this.problem.set(toProblem(failure));
    } finally {
      this.submitting.set(false);
    }
  }

  private findPreset(id: string): PresetView | undefined {
    return this.presets.value()?.items.find((preset) => preset.id === id);
  }

  protected async savePreset(): Promise<void> {
    const { dataset: _dataset, validation: _validation, base: _base, name: _name, preset: _preset, after: _after, ...settings } = this.drafts.request();
    const name = this.presetName().trim();
    const shared = this.presetShared();
    const saved = await this.notifications.run(
      () => this.training.createTrainingPreset({ body: { name, description: '', settings, shared } }),
      `Preset “${name}” saved. ${shared ? 'Everyone in this project' : 'Only you'} can use it.`,
    );
    if (saved) {
      this.presetName.set('');
      this.presets.refetch();
    }
  }
}
