/** Ask for a training job: what is trained on what, how, and what follows; with the same as a command and an API call. */
import { Component, computed, effect, inject, input, linkedSignal, signal, untracked } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Router, RouterLink } from '@angular/router';

import { LoraSettings, TrainingSettings } from '../api/models';
import { DatasetService, ModelService, TrainingService } from '../api/services';
import { Copy } from '../elements/copy';
import { Icon } from '../elements/icon';
import { CountPipe, ParametersPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { load } from '../platform/load';
import { collect } from '../platform/pages';
import { Notices } from '../platform/notices';
import { Problem, problemOf } from '../platform/problem';
import { Drafts, Follow, Method } from './draft';
import { command, curl } from './equivalents';
import { Preflight } from './preflight';
import { FOLLOW_UPS, GROUPS, LORA_FIELDS, METHODS, OBJECTIVES, Field, Objective } from './settings-fields';

/** Random also where the page came over plain http, which has no crypto.randomUUID. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('');
}

@Component({
  selector: 'an-new-job',
  imports: [Copy, CountPipe, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, ParametersPipe, Preflight, ProblemCard, RouterLink],
  templateUrl: './new-job.html',
  styleUrl: './new-job.scss',
})
export class NewJob {
  /** Chosen where the user came from. */
  readonly dataset = input<string>();
  readonly base = input<string>();

  private readonly datasets = inject(DatasetService);
  private readonly models = inject(ModelService);
  private readonly training = inject(TrainingService);
  private readonly router = inject(Router);
  private readonly notices = inject(Notices);
  protected readonly drafts = inject(Drafts);
  protected readonly draft = this.drafts.job;
  protected readonly methods = METHODS;
  protected readonly objectives = OBJECTIVES;
  protected readonly groups = GROUPS;
  protected readonly loraFields = LORA_FIELDS;
  protected readonly followUps = FOLLOW_UPS;
  protected readonly sending = signal(false);
  protected readonly problem = signal<Problem | undefined>(undefined);
  protected readonly presetName = signal('');
  protected readonly presetShared = signal(true);

  protected readonly datasetPage = load(() => ({ key: 'datasets/all', fetch: () => collect((cursor) => this.datasets.listDatasets({ limit: 200, cursor })) }));
  protected readonly available = load(() => ({ key: 'available', fetch: () => this.models.listAvailableModels() }));
  protected readonly presets = load(() => ({ key: 'presets', fetch: () => collect((cursor) => this.training.listTrainingPresets({ limit: 200, cursor })) }));
  protected readonly presetGroups = computed(() => {
    const presets = this.presets.value()?.items ?? [];
    const groups = [
      { label: 'Yours alone', presets: presets.filter((preset) => !preset.shared) },
      { label: 'Shared in this project', presets: presets.filter((preset) => preset.shared) },
    ];
    return groups.filter((group) => group.presets.length);
  });
  protected readonly presetSettings = computed(() => this.presets.value()?.items.find((preset) => preset.id === this.draft().preset)?.settings ?? {});
  protected readonly presetLora = computed(() => (this.presetSettings()['lora'] ?? {}) as Record<string, unknown>);

  protected readonly ready = computed(() => (this.datasetPage.value()?.items ?? []).filter((dataset) => dataset.state === 'ready' && dataset.report?.splits['train']));
  protected readonly usable = computed(() => (this.available.value()?.items ?? []).filter((model) => model.usable));
  protected readonly chosenDataset = computed(() => this.ready().find((dataset) => dataset.id === this.draft().dataset.split('@')[0]));
  protected readonly chosenBase = computed(() => this.usable().find((model) => model.reference === this.draft().base));
  /** Rows with a chosen and a rejected answer leave a choice of what is learned. */
  protected readonly comparable = computed(() => this.chosenDataset()?.report?.form === 'preference');
  protected readonly aim = computed(() => this.draft().settings.objective ?? (this.presetSettings()['objective'] as Objective | undefined) ?? 'dpo');
  protected readonly version = computed(() => this.draft().dataset.split('@')[1]);
  /** One key for one wish: sent again after an answer that never came, it still makes one job. */
  private readonly wish = linkedSignal({ source: this.drafts.request, computation: newKey });
  protected readonly command = computed(() => command(this.drafts.request()));
  protected readonly curl = computed(() => curl(this.drafts.request(), location.origin));

  constructor() {
    effect(() => {
      const [dataset, base] = [this.dataset(), this.base()];
      untracked(() => this.drafts.change({ ...(dataset ? { dataset } : {}), ...(base ? { base } : {}) }));
    });
    effect(() => {
      const only = this.ready()[0];
      if (only && !untracked(this.draft).dataset) this.drafts.change({ dataset: only.id });
    });
  }

  protected choose(method: Method): void {
    this.drafts.change({ method });
  }

  protected aimAt(objective: Objective): void {
    this.drafts.change({ settings: { ...this.draft().settings, objective } });
  }

  /** A preset brings its method along; what it says about the rest shows below each field that is left empty. */
  protected usePreset(id: string): void {
    const method = this.presets.value()?.items.find((preset) => preset.id === id)?.settings['method'] as Method | undefined;
    this.drafts.change({ preset: id, ...(method ? { method } : {}) });
  }

  protected help(field: Field, preset: Record<string, unknown>): string {
    const value = preset[field.name];
    return value === undefined || value === null ? field.help : `${value} from the preset, when left empty`;
  }

  protected value(field: Field): unknown {
    return this.draft().settings[field.name as keyof TrainingSettings] ?? '';
  }

  protected loraValue(field: Field): unknown {
    return this.draft().lora[field.name as keyof LoraSettings] ?? '';
  }

  protected set(field: Field, value: unknown): void {
    this.drafts.change({ settings: { ...this.draft().settings, [field.name]: value === '' ? null : value } });
  }

  protected setLora(field: Field, value: unknown): void {
    this.drafts.change({ lora: { ...this.draft().lora, [field.name]: value === '' ? null : value } });
  }

  protected resource(name: 'cpu' | 'gpu' | 'memory_gb'): unknown {
    return this.draft().settings.resources?.[name] ?? '';
  }

  protected setResource(name: string, value: unknown): void {
    const resources = Object.fromEntries(Object.entries({ ...this.draft().settings.resources, [name]: value === '' ? null : value }).filter(([, v]) => v !== null));
    this.drafts.change({ settings: { ...this.draft().settings, resources: Object.keys(resources).length ? resources : null } });
  }

  /** Takes over settings that would fit. */
  protected adopt(changes: Record<string, unknown>): void {
    const { method, ...settings } = changes;
    this.drafts.change({ ...(method ? { method: method as Method } : {}), settings: { ...this.draft().settings, ...settings } });
  }

  protected follow(what: Follow, wanted: boolean): void {
    const others = this.draft().after.filter((one) => one !== what);
    this.drafts.change({ after: wanted ? [...others, what] : others });
  }

  /** The field that the platform's refusal names. */
  protected wrong(name: string): boolean {
    return this.problem()?.field?.split('.').at(-1) === name;
  }

  protected async start(): Promise<void> {
    this.sending.set(true);
    this.problem.set(undefined);
    try {
      const job = await this.training.createTrainingJob({ 'Idempotency-Key': this.wish(), body: this.drafts.request() });
      this.wish.set(newKey());
      this.drafts.change({ name: '' });
      await this.router.navigate(['/jobs', job.id]);
    } catch (failure) {
      this.problem.set(problemOf(failure));
    } finally {
      this.sending.set(false);
    }
  }

  protected async savePreset(): Promise<void> {
    const { dataset: _dataset, base: _base, name: _name, preset: _preset, after: _after, ...settings } = this.drafts.request();
    const name = this.presetName().trim();
    const shared = this.presetShared();
    const saved = await this.notices.attempt(
      () => this.training.createTrainingPreset({ body: { name, description: '', settings, shared } }),
      `Saved as “${name}”. ${shared ? 'Everyone in this project' : 'Only you'} can use it.`,
    );
    if (saved) {
      this.presetName.set('');
      this.presets.reload();
    }
  }
}
