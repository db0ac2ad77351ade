/** Creates a training job: dataset, base model, method and follow-up tasks, with the equivalent CLI command and API request. */
import { Component, computed, effect, ElementRef, inject, input, linkedSignal, signal, untracked } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Router, RouterLink } from '@angular/router';

import { AvailableModel, BaseFit, Recipe } from '../api/models';
import { DatasetService, ModelService, TrainingService } from '../api/services';
import { CodeBlock } from '../elements/code-block';
import { Icon } from '../elements/icon';
import { formatBytes, formatCount, formatParameters } from '../elements/format';
import { Picker, PickerOption } from '../elements/picker';
import { CountPipe, MethodPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { WarningList } from '../elements/warning-list';
import { modelLabel } from '../models/model-label';
import { Notifications } from '../platform/notifications';
import { fetchAllPages } from '../platform/paged-query';
import { Problem, toProblem } from '../platform/problem';
import { injectQuery } from '../platform/query';
import { cliCommand, curlCommand } from './code-snippets';
import { FollowUpTask, JobDraftStore, Method } from './job-draft';
import { JobSettings } from './job-settings';
import { ResourceEstimate, UNSUPPORTED_ROWS } from './resource-estimate';
import { SettingField } from './setting-field';
import { FIELD_GROUPS, FOLLOW_UP_TASKS, LORA_FIELDS, METHODS, Objective, OBJECTIVES, PREFERENCE_FIELDS, RESOURCE_FIELDS } from './settings-fields';

const FIT_BADGES: Record<BaseFit['verdict'], { text: string; variant: 'success' | 'warning' | 'error' } | undefined> = {
  fits: { text: 'Fits', variant: 'success' },
  tight: { text: 'Fits tightly', variant: 'warning' },
  does_not_fit: { text: 'Does not fit', variant: 'error' },
  unknown: undefined,
};

/** A random key. crypto.randomUUID is missing in pages served over plain HTTP. */
function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('');
}

@Component({
  selector: 'an-new-job',
  imports: [CodeBlock, CountPipe, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, MethodPipe, Picker, ProblemCard, ResourceEstimate, RouterLink, SettingField, WarningList],
  providers: [JobSettings],
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
  protected readonly settings = inject(JobSettings);
  private readonly host = inject<ElementRef<HTMLElement>>(ElementRef);
  protected readonly methods = METHODS;
  protected readonly unsupportedRows = UNSUPPORTED_ROWS;
  protected readonly fieldGroups = FIELD_GROUPS;
  protected readonly loraFields = LORA_FIELDS;
  protected readonly resourceFields = RESOURCE_FIELDS;
  protected readonly followUpTasks = FOLLOW_UP_TASKS;
  protected readonly submitting = signal(false);
  protected readonly problem = signal<Problem | undefined>(undefined);
  protected readonly presetName = signal('');
  protected readonly presetShared = signal(true);

  protected readonly datasets = injectQuery(() => ({ key: 'datasets/all', fetch: () => fetchAllPages((cursor) => this.datasetApi.listDatasets({ limit: 200, cursor })) }));
  protected readonly availableModels = injectQuery(() => ({ key: 'available', fetch: () => this.models.listAvailableModels() }));
  protected readonly presets = injectQuery(() => ({ key: 'presets', fetch: () => fetchAllPages((cursor) => this.training.listTrainingPresets({ limit: 200, cursor })) }));
  protected readonly recipes = injectQuery(() => ({ key: 'recipes', fetch: () => this.training.listTrainingRecipes() }));
  protected readonly presetGroups = computed(() => {
    const presets = this.presets.value()?.items ?? [];
    const groups = [
      { label: 'Recipes', presets: (this.recipes.value()?.items ?? []).map((recipe) => ({ id: recipe.id, name: recipe.name + this.unsuitable(recipe) })) },
      { label: 'Private', presets: presets.filter((preset) => !preset.shared) },
      { label: 'Shared', presets: presets.filter((preset) => preset.shared) },
    ];
    return groups.filter((group) => group.presets.length);
  });
  protected readonly preset = computed(() => {
    const id = this.draft().preset;
    return this.recipes.value()?.items.find((recipe) => recipe.id === id) ?? this.presets.value()?.items.find((preset) => preset.id === id);
  });

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
  protected readonly datasetOptions = computed(() => this.trainableDatasets().map((dataset): PickerOption => this.datasetOption(dataset.id, dataset.name, dataset.report?.splits['train'], dataset.report?.form)));
  protected readonly validationOptions = computed(() => [
    { value: '', label: 'Validation split of the dataset', detail: '' },
    ...this.validationDatasets().map((dataset) => this.datasetOption(dataset.id, dataset.name, dataset.rows, dataset.report?.form)),
  ]);
  /** Whether the job fits on each base model; asked for when the list is opened. */
  private readonly fits = signal<ReadonlyMap<string, BaseFit>>(new Map());
  protected readonly baseOptions = computed(() => this.usableModels().map((model): PickerOption => this.baseOption(model)));
  /** The objectives that the rows of the dataset allow, the default first; none where there is no choice to explain. */
  protected readonly objectives = computed(() => OBJECTIVES[this.selectedDataset()?.report?.form ?? 'messages'] ?? []);
  protected readonly objective = computed(() => this.draft().settings.objective ?? (this.preset()?.settings['objective'] as Objective | undefined) ?? this.objectives()[0]?.name);
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
    effect(() => this.selectFirstDataset());
  }

  protected setMethod(method: Method): void {
    this.drafts.update({ method });
  }

  protected setObjective(objective: Objective): void {
    this.drafts.update({ settings: { ...this.draft().settings, objective } });
  }

  /** Selects a preset and its method. Its other values are shown in the fields that are empty. */
  protected selectPreset(id: string): void {
    this.drafts.update({ preset: id });
    const method = this.preset()?.settings['method'] as Method | undefined;
    if (method) this.drafts.update({ method });
  }

  /** Everything as at the first visit: the fields, the messages and the address. */
  protected async startOver(): Promise<void> {
    this.drafts.reset();
    this.problem.set(undefined);
    this.presetName.set('');
    this.presetShared.set(true);
    this.selectFirstDataset();
    await this.router.navigate([], { queryParams: {}, replaceUrl: true });
  }

  protected async compareBases(): Promise<void> {
    if (!this.draft().dataset) return;
    const body = { bases: this.usableModels().map((model) => model.reference).slice(0, 100), request: this.drafts.request() as unknown as Record<string, unknown> };
    const { items } = await this.training.listFittingBases({ body });
    this.fits.set(new Map(items.map((fit) => [fit.base, fit])));
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

  protected async start(): Promise<void> {
    if (this.settings.missing()) return this.showFirstProblem();
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

  /** Moves the focus to the first field that must be corrected. */
  private showFirstProblem(): void {
    const field = this.host.nativeElement.querySelector<HTMLElement>('[aria-invalid="true"]') ?? this.host.nativeElement.querySelector<HTMLElement>('[name="dataset"]');
    field?.closest('details')?.setAttribute('open', '');
    field?.focus();
  }

  private selectFirstDataset(): void {
    const first = this.trainableDatasets()[0];
    if (first && !untracked(this.draft).dataset) this.drafts.update({ dataset: first.id });
  }

  private unsuitable(recipe: Recipe): string {
    const form = this.selectedDataset()?.report?.form;
    return form && !(recipe.forms as string[]).includes(form) ? ` (for ${recipe.forms.join(', ')})` : '';
  }

  private datasetOption(value: string, label: string, rows: number | undefined, form: string | undefined): PickerOption {
    return { value, label, detail: `${formatCount(rows)} rows${form ? `, ${form}` : ''}` };
  }

  private baseOption(model: AvailableModel): PickerOption {
    const fit = this.fits().get(model.reference);
    const facts = [
      model.kind === 'custom' ? 'custom model' : model.architecture,
      model.parameters ? `${formatParameters(model.parameters)} parameters` : '',
      model.context_length ? `${formatCount(model.context_length)} tokens of context` : '',
      fit?.total ? `needs ${formatBytes(fit.total)}` : '',
    ];
    return { value: model.reference, label: modelLabel(model), detail: facts.filter(Boolean).join(' · '), badge: fit && FIT_BADGES[fit.verdict] };
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
