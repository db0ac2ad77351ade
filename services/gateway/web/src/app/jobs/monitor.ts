/** A job as it runs: state, time left, curves, log, checkpoints, answers so far; and what can be done with it. */
import { Component, computed, DestroyRef, effect, inject, input, untracked } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { Router, RouterLink } from '@angular/router';

import { JobView } from '../api/models';
import { TrainingService } from '../api/services';
import { Confirm } from '../elements/confirm';
import { Icon } from '../elements/icon';
import { Meter } from '../elements/meter';
import { Moment } from '../elements/moment';
import { CountPipe, DurationPipe, FigurePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { State } from '../elements/state';
import { load } from '../platform/load';
import { Notices } from '../platform/notices';
import { Curve, CurveChart } from './curve-chart';
import { draftOf, Drafts } from './draft';
import { Points } from './history';
import { LiveJobs } from './live';
import { LogView } from './log-view';

const LOOK_MS = 3000;
const FINAL = ['succeeded', 'failed', 'cancelled'];
const COLOURS = ['--steel', '--ember', '--good-ink', '--bad-ink'];
/** Curves that have a chart of their own, by what they are about. */
const CHARTS: { heading: string; curves: RegExp; unit?: string }[] = [
  { heading: 'Rewards', curves: /^rewards\/(?!accuracies)/ },
  { heading: 'Share of better answers preferred', curves: /^rewards\/accuracies$/ },
  { heading: 'Learning rate', curves: /^learning_rate$/ },
  { heading: 'Gradient norm', curves: /^grad_norm$/ },
  { heading: 'Tokens per second', curves: /^tokens_per_second$/ },
  { heading: 'Memory, MB', curves: /memory/ },
  { heading: 'CPU and GPU use, %', curves: /(cpu|gpu)(?!.*memory)/ },
];

@Component({
  selector: 'an-monitor',
  imports: [CountPipe, CurveChart, DurationPipe, FigurePipe, Icon, LogView, MatButton, Meter, Moment, ProblemCard, RouterLink, Skeleton, State],
  templateUrl: './monitor.html',
  styleUrl: './monitor.scss',
})
export class Monitor {
  readonly id = input.required<string>();
  private readonly api = inject(TrainingService);
  private readonly lives = inject(LiveJobs);
  private readonly notices = inject(Notices);
  private readonly confirm = inject(Confirm);
  private readonly drafts = inject(Drafts);
  private readonly router = inject(Router);

  protected readonly live = computed(() => this.lives.of(this.id()));
  protected readonly version = computed(() => this.live().version());
  protected readonly history = computed(() => this.live().history);
  private readonly heard = computed(() => (this.version(), this.history().state));
  protected readonly job = load(
    () => {
      this.heard(); // a state that the stream told is looked at once more
      return { key: `job/${this.id()}`, fetch: () => this.api.getTrainingJob({ id: this.id() }) };
    },
    (job) => (FINAL.includes(job.state) ? null : LOOK_MS),
  );
  protected readonly state = computed(() => {
    const job = this.job.value();
    return job?.wanted === 'cancel' && !FINAL.includes(job.state) ? 'cancelling' : (job?.state ?? 'queued');
  });
  protected readonly done = computed(() => (this.version(), this.state() === 'succeeded' ? 1 : this.history().done || (this.job.value()?.progress.step ?? 0)));
  protected readonly total = computed(() => (this.version(), this.state() === 'succeeded' ? 1 : this.history().total || (this.job.value()?.progress.total ?? 0)));
  protected readonly eta = computed(() => (this.version(), this.state() === 'running' ? this.history().eta : undefined));
  protected readonly final = computed(() => FINAL.includes(this.state()));
  protected readonly loss = computed<Curve[]>(() => [
    { name: 'train', points: this.history().curve('loss'), colour: '--steel' },
    { name: 'validation', points: this.history().validation, colour: '--ember', dots: true },
  ]);
  protected readonly charts = computed(() => {
    const known = this.curveNames().split(' ').filter(Boolean);
    const curves = this.history().curves;
    return CHARTS.map(({ heading, curves: pattern }) => ({
      heading,
      curves: known
        .filter((name) => pattern.test(name))
        .slice(0, COLOURS.length)
        .map((name, i): Curve => ({ name: name.replaceAll('_', ' '), points: curves.get(name) as Points, colour: COLOURS[i] as string })),
    })).filter((chart) => chart.curves.length);
  });
  private readonly curveNames = computed(() => (this.version(), [...this.history().curves.keys()].join(' ')));
  protected readonly steps = computed(() => (this.version(), this.history().done || this.history().curve('loss').x.at(-1) || 0));
  protected readonly totalSteps = computed(() => (this.version(), this.history().total || this.job.value()?.progress.total || 0));
  protected readonly epoch = computed(() => (this.version(), this.history().epoch));
  protected readonly usage = computed(() => (this.version(), this.history().usage));
  protected readonly samples = computed(() => (this.version(), this.history().samples));
  protected readonly checkpoints = computed(() => {
    this.version();
    const kept = new Set((this.job.value()?.checkpoints ?? []).map((checkpoint) => checkpoint.step));
    return this.history().checkpoints.map((checkpoint) => ({ ...checkpoint, kept: kept.has(checkpoint.step) })).reverse();
  });
  protected readonly settings = computed(() => {
    const job = this.job.value();
    if (!job) return [];
    const { lora, ...values } = job.hyperparameters;
    const adapter = Object.entries((lora ?? {}) as Record<string, unknown>).map(([name, value]): [string, unknown] => [`lora.${name}`, value]);
    const left = new Set(job.defaulted);
    return [...Object.entries(values), ...adapter]
      .filter(([, value]) => value !== null)
      .map(([name, value]) => ({ name, value: Array.isArray(value) ? value.join(', ') : String(value), left: left.has(name) }));
  });
  protected readonly pausable = computed(() => ['queued', 'running'].includes(this.state()));
  protected readonly cancellable = computed(() => !this.final() && this.state() !== 'cancelling');

  constructor() {
    effect((onCleanup) => {
      const live = this.live();
      untracked(() => live.start());
      onCleanup(() => live.stop());
    });
    inject(DestroyRef).onDestroy(() => this.live().stop());
  }

  protected async pause(): Promise<void> {
    await this.order({ state: 'pausing' }, () => this.api.pauseTrainingJob({ id: this.id() }), 'It checkpoints and pauses.');
  }

  protected async resume(): Promise<void> {
    await this.order({ state: 'queued' }, () => this.api.resumeTrainingJob({ id: this.id() }), 'It goes on from its last checkpoint.');
    this.live().start();
  }

  protected async cancel(): Promise<void> {
    const sure = await this.confirm.ask({
      heading: 'Cancel this job?',
      text: 'It stops for good and makes no model. To go on later, pause it instead.',
      verb: 'Cancel job',
    });
    if (sure) await this.order({ wanted: 'cancel' }, () => this.api.cancelTrainingJob({ id: this.id() }), 'The job is being cancelled.');
  }

  protected async clone(): Promise<void> {
    const job = this.job.value();
    if (!job) return;
    this.drafts.job.set(draftOf(job));
    await this.router.navigate(['/jobs/new']);
  }

  protected text(value: unknown): string {
    return typeof value === 'string' ? value : JSON.stringify(value);
  }

  private async order(foreseen: Partial<JobView>, work: () => Promise<JobView>, said: string): Promise<void> {
    await this.notices.attempt(() => this.job.foresee((job) => ({ ...job, ...foreseen }), work), said);
  }
}
