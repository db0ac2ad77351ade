/** One training job: progress, charts, logs, checkpoints and sample outputs, with the actions to pause, resume, cancel or clone it. */
import { Component, computed, DestroyRef, effect, inject, input, signal, untracked } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { Router, RouterLink } from '@angular/router';

import { CheckpointView, JobDetail, JobView } from '../api/models';
import { TrainingService } from '../api/services';
import { Confirm } from '../elements/confirm';
import { sentenceCase } from '../elements/format';
import { Icon } from '../elements/icon';
import { CountPipe, DurationPipe, MethodPipe, MetricPipe, SentenceCasePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { ProgressBar } from '../elements/progress-bar';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { WarningList } from '../elements/warning-list';
import { Notifications } from '../platform/notifications';
import { injectQuery } from '../platform/query';
import { isFinal } from '../platform/run-state';
import { injectPageTitle } from '../shell/page-title';
import { draftFromJob, JobDraftStore } from './job-draft';
import { Points } from './job-history';
import { JobStreams } from './job-stream';
import { verdictOf } from './job-verdict';
import { LineChart, Series } from './line-chart';
import { LogView } from './log-view';
import { metricName } from './metric-names';
import { valueText } from './setting-text';
import { settingLabel } from './settings-fields';

const POLL_INTERVAL_MS = 3000;
const COLORS = ['--chart', '--accent', '--success-text', '--error-text'];
/** The charts below the loss, and the metrics in each. */
const CHARTS: { heading: string; metrics: RegExp }[] = [
  { heading: 'Rewards', metrics: /^rewards\/(?!accuracies)/ },
  { heading: 'Reward accuracy', metrics: /^rewards\/accuracies$/ },
  { heading: 'KL divergence from the base model', metrics: /^kl$/ },
  { heading: 'Learning rate', metrics: /^learning_rate$/ },
  { heading: 'Gradient norm', metrics: /^grad_norm$/ },
  { heading: 'Throughput (tokens/s)', metrics: /^tokens_per_second$/ },
  { heading: 'Memory (MB)', metrics: /memory/ },
  { heading: 'CPU & GPU utilization (%)', metrics: /(cpu|gpu)(?!.*memory)/ },
];

/** What a checkpoint is used for, once it is a model. */
const USES = [
  { label: 'Chat', verb: 'Chat with', path: '/playground' },
  { label: 'Evaluate', verb: 'Evaluate', path: '/evaluations' },
  { label: 'Export', verb: 'Export', path: '/exports' },
];
type Use = (typeof USES)[number];

function isPublishing(checkpoint: CheckpointView): boolean {
  return checkpoint.model_state !== null && !isFinal(checkpoint.model_state);
}

@Component({
  selector: 'an-job',
  imports: [CountPipe, DurationPipe, Icon, LineChart, LogView, MatButton, MethodPipe, MetricPipe, ProblemCard, ProgressBar, RelativeTime, RouterLink, SentenceCasePipe, Skeleton, StateBadge, WarningList],
  templateUrl: './job.html',
  styleUrl: './job.scss',
})
export class JobPage {
  readonly id = input.required<string>();
  private readonly api = inject(TrainingService);
  private readonly streams = inject(JobStreams);
  private readonly notifications = inject(Notifications);
  private readonly confirm = inject(Confirm);
  private readonly drafts = inject(JobDraftStore);
  private readonly router = inject(Router);

  protected readonly uses = USES;
  /** What opens once the checkpoint of a step is a model. */
  protected readonly awaited = signal<{ step: number; use: Use } | undefined>(undefined);

  protected readonly stream = computed(() => this.streams.get(this.id()));
  protected readonly version = computed(() => this.stream().version());
  protected readonly history = computed(() => this.stream().history);
  private readonly streamedState = computed(() => (this.version(), this.history().state));
  protected readonly job = injectQuery(
    () => {
      this.streamedState(); // refetch the job when the stream reports a new state
      return { key: `job/${this.id()}`, fetch: () => this.api.getTrainingJob({ id: this.id() }) };
    },
    (job) => (isFinal(job.state) && !job.checkpoints.some(isPublishing) ? null : POLL_INTERVAL_MS),
  );
  protected readonly state = computed(() => {
    const job = this.job.value();
    return job?.wanted === 'cancel' && !isFinal(job.state) ? 'cancelling' : (job?.state ?? 'queued');
  });
  protected readonly progress = computed(() => (this.version(), this.state() === 'succeeded' ? 1 : this.history().stepsDone || (this.job.value()?.progress.step ?? 0)));
  protected readonly progressMax = computed(() => (this.version(), this.state() === 'succeeded' ? 1 : this.history().totalSteps || (this.job.value()?.progress.total ?? 0)));
  protected readonly etaSeconds = computed(() => (this.version(), this.state() === 'running' ? this.history().etaSeconds : undefined));
  protected readonly isPublishing = isPublishing;
  protected readonly isFinal = isFinal;
  protected readonly hasLoss = computed(() => (this.version(), this.history().metric('loss').x.length > 0));
  protected readonly verdict = computed(() => {
    const job = this.job.value();
    return job && verdictOf(job);
  });
  protected readonly otherWarnings = computed(() => (this.job.value()?.warnings ?? []).filter((warning) => warning !== this.verdict()?.warning));
  protected readonly lossSeries = computed<Series[]>(() => [
    { name: 'train', points: this.history().metric('loss'), color: '--chart' },
    { name: 'validation', points: this.history().validation, color: '--accent', markers: true },
  ]);
  protected readonly charts = computed(() => {
    const names = this.metricNames().split(' ').filter(Boolean);
    const metrics = this.history().metrics;
    return CHARTS.map(({ heading, metrics: pattern }) => ({
      heading,
      series: names
        .filter((name) => pattern.test(name))
        .slice(0, COLORS.length)
        .map((name, i): Series => ({ name: metricName(name), points: metrics.get(name) as Points, color: COLORS[i] as string })),
    })).filter((chart) => chart.series.length);
  });
  /** A string, so that the charts are rebuilt only when a metric is added. */
  private readonly metricNames = computed(() => (this.version(), [...this.history().metrics.keys()].join(' ')));
  protected readonly step = computed(() => (this.version(), this.history().stepsDone || this.history().metric('loss').x.at(-1) || 0));
  protected readonly totalSteps = computed(() => (this.version(), this.history().totalSteps || this.job.value()?.progress.total || 0));
  protected readonly epoch = computed(() => (this.version(), this.history().epoch));
  protected readonly usage = computed(() => (this.version(), this.history().usage));
  protected readonly samples = computed(() => (this.version(), this.history().samples));
  protected readonly checkpoints = computed(() => {
    this.version();
    const stored = new Map((this.job.value()?.checkpoints ?? []).map((checkpoint) => [checkpoint.step, checkpoint]));
    return this.history().checkpoints.map((checkpoint) => ({ ...checkpoint, stored: stored.get(checkpoint.step) })).reverse();
  });
  protected readonly settings = computed(() => {
    const job = this.job.value();
    if (!job) return [];
    const { lora, ...hyperparameters } = job.hyperparameters;
    const loraSettings = Object.entries((lora ?? {}) as Record<string, unknown>).map(([name, value]): [string, unknown] => [`lora.${name}`, value]);
    const defaulted = new Set(job.defaulted);
    return [...Object.entries(hyperparameters), ...loraSettings]
      .filter(([, value]) => value !== null)
      .map(([name, value]) => ({ label: settingLabel(name) ?? sentenceCase(name), value: valueText(value), defaulted: defaulted.has(name) }));
  });
  protected readonly canPause = computed(() => ['queued', 'running'].includes(this.state()));
  protected readonly canCancel = computed(() => !isFinal(this.state()) && this.state() !== 'cancelling');

  constructor() {
    injectPageTitle(() => jobTitle(this.job.value()?.name, this.state(), this.progress() / this.progressMax()));
    effect((onCleanup) => {
      const stream = this.stream();
      untracked(() => stream.start());
      onCleanup(() => stream.stop());
    });
    inject(DestroyRef).onDestroy(() => this.stream().stop());
    effect(() => {
      const next = this.awaited();
      const checkpoint = next && this.job.value()?.checkpoints.find((each) => each.step === next.step);
      if (!checkpoint?.model_state || !isFinal(checkpoint.model_state)) return;
      this.awaited.set(undefined);
      if (checkpoint.model_state === 'succeeded') void this.router.navigate([next!.use.path], { queryParams: { model: checkpoint.model_id } });
    });
  }

  protected async pause(): Promise<void> {
    await this.runAction({ state: 'pausing' }, () => this.api.pauseTrainingJob({ id: this.id() }), 'Saving a checkpoint, then pausing.');
  }

  protected async resume(): Promise<void> {
    await this.runAction({ state: 'queued' }, () => this.api.resumeTrainingJob({ id: this.id() }), 'Resuming from the last checkpoint.');
    this.stream().start();
  }

  protected async cancel(): Promise<void> {
    const confirmed = await this.confirm.open({
      heading: 'Cancel this job?',
      text: 'The job produces no model. Its checkpoints stay for some days and can be published as models. To continue later, pause it instead.',
      confirmLabel: 'Cancel job',
      dismissLabel: 'Keep running',
    });
    if (confirmed) await this.runAction({ wanted: 'cancel' }, () => this.api.cancelTrainingJob({ id: this.id() }), 'Cancelling the job.');
  }

  /** Makes a custom model of a checkpoint; polling shows when it is one, and then `use` opens its page. */
  protected async publish(step: number, use?: Use): Promise<void> {
    this.awaited.set(use && { step, use });
    const queued = (job: JobDetail): JobDetail => ({ ...job, checkpoints: job.checkpoints.map((each) => (each.step === step ? { ...each, model_state: 'queued' as const } : each)) });
    const request = () => this.api.publishCheckpoint({ id: this.id(), step });
    const accepted = await this.notifications.run(() => this.job.updateOptimistically(queued, request), `Publishing the checkpoint of step ${step} as a model.`);
    if (!accepted) this.awaited.set(undefined);
  }

  protected async clone(): Promise<void> {
    const job = this.job.value();
    if (!job) return;
    this.drafts.draft.set(draftFromJob(job));
    await this.router.navigate(['/jobs/new']);
  }

  protected toText(value: unknown): string {
    return typeof value === 'string' ? value : JSON.stringify(value);
  }

  /** Shows `expected` until the platform responds, then `confirmation`. */
  private async runAction(expected: Partial<JobView>, request: () => Promise<JobView>, confirmation: string): Promise<void> {
    await this.notifications.run(() => this.job.updateOptimistically((job) => ({ ...job, ...expected }), request), confirmation);
  }
}

/** `62 % · triage`, with the state of a job that does not run. */
function jobTitle(name: string | undefined, state: string, share: number): string | undefined {
  if (!name) return undefined;
  return `${state === 'running' && Number.isFinite(share) ? `${Math.floor(100 * share)} %` : sentenceCase(state)} · ${name}`;
}
