/** Jobs beside each other: overlaid charts, the settings that differ and the final figures. */
import { Component, computed, inject, input, linkedSignal, signal } from '@angular/core';
import { MatButton, MatIconButton } from '@angular/material/button';
import { Router, RouterLink } from '@angular/router';

import { JobDetail } from '../../api/models';
import { EvaluationService, TrainingService } from '../../api/services';
import { EmptyState } from '../../elements/empty-state';
import { save } from '../../elements/files';
import { Icon } from '../../elements/icon';
import { CountPipe, DurationPipe, MetricPipe } from '../../elements/pipes';
import { ProblemCard } from '../../elements/problem-card';
import { Skeleton } from '../../elements/skeleton';
import { StateBadge } from '../../elements/state-badge';
import { Notifications } from '../../platform/notifications';
import { Problem, toProblem } from '../../platform/problem';
import { injectQuery } from '../../platform/query';
import { isFinal } from '../../platform/run-state';
import { toCsv } from '../chart-files';
import { jobDuration } from '../job-columns';
import { JobHistory, Points, StreamRecord } from '../job-history';
import { LineChart, Range, Series } from '../line-chart';
import { groupBySameRows } from './same-rows';
import { AXES, alongAxis, Axis, MAX_COMPARED, median, smooth } from './series';
import { compareSettings } from './settings';

const POLL_INTERVAL_MS = 3000;
const RECORDS_PER_REQUEST = 10_000;
const DASHED_FROM = 5;

interface Run {
  job: JobDetail;
  history: JobHistory;
  /** Nothing will change: the job had ended before its records were read. The last ones are stored shortly after its end. */
  complete: boolean;
}

interface ChartOptions {
  name: string;
  heading: string;
  yTitle: string;
  logScale?: boolean;
  /** Noisy from step to step. */
  smoothed?: boolean;
  markers?: boolean;
  points: (history: JobHistory) => Points;
}

const CHARTS: ChartOptions[] = [
  { name: 'loss', heading: 'Training loss', yTitle: 'Loss (nats per token)', logScale: true, smoothed: true, points: (history) => history.metric('loss') },
  { name: 'validation-loss', heading: 'Validation loss', yTitle: 'Loss (nats per token)', logScale: true, markers: true, points: (history) => history.validation },
  { name: 'learning-rate', heading: 'Learning rate', yTitle: 'Learning rate', points: (history) => history.metric('learning_rate') },
  { name: 'gradient-norm', heading: 'Gradient norm', yTitle: 'Gradient norm', logScale: true, smoothed: true, points: (history) => history.metric('grad_norm') },
  { name: 'throughput', heading: 'Throughput', yTitle: 'Tokens/s', smoothed: true, points: (history) => history.metric('tokens_per_second') },
];

@Component({
  selector: 'an-compare-jobs',
  imports: [CountPipe, DurationPipe, EmptyState, Icon, LineChart, MatButton, MatIconButton, MetricPipe, ProblemCard, RouterLink, Skeleton, StateBadge],
  templateUrl: './compare-jobs.html',
  styleUrl: './compare-jobs.scss',
})
export class CompareJobs {
  /** The view is in the query parameters, so that it can be bookmarked; the ids are separated by commas. */
  readonly ids = input<string>();
  readonly x = input<string>();
  readonly smoothing = input<string>();
  readonly settings = input<string>();
  readonly from = input<string>();
  readonly to = input<string>();
  private readonly api = inject(TrainingService);
  private readonly evaluationApi = inject(EvaluationService);
  private readonly router = inject(Router);
  private navigation: Promise<unknown> = Promise.resolve();
  private readonly notifications = inject(Notifications);
  private readonly loaded = new Map<string, Run>();
  protected readonly axes = AXES;
  protected readonly maxCompared = MAX_COMPARED;
  protected readonly jobDuration = jobDuration;

  private readonly requested = computed(() => [...new Set((this.ids() ?? '').split(',').filter(Boolean))]);
  protected readonly leftOut = computed(() => Math.max(0, this.requested().length - MAX_COMPARED));
  protected readonly jobIds = computed(() => this.requested().slice(0, MAX_COMPARED), { equal: (a, b) => a.join() === b.join() });
  protected readonly comparison = injectQuery(
    () => {
      const ids = this.jobIds();
      return ids.length ? { key: `jobs/compare/${ids.join()}`, fetch: () => this.load(ids) } : undefined;
    },
    ({ runs }) => (runs.every((run) => run.complete) ? null : POLL_INTERVAL_MS),
  );
  protected readonly version = signal(0);
  protected readonly problems = computed(() => this.comparison.value()?.problems ?? []);
  protected readonly runs = computed(() => {
    const runs = this.comparison.value()?.runs ?? [];
    const names = runs.map(({ job }) => job.name);
    return runs.map(({ job, history }, i) => {
      const isShared = names.filter((name) => name === job.name).length > 1;
      return {
        ...{ job, history, label: isShared ? `${job.name} (${job.id.slice(-6)})` : job.name },
        ...{ color: `--run-${(this.jobIds().indexOf(job.id) % MAX_COMPARED) + 1}`, dash: i >= DASHED_FROM ? [6, 4] : undefined },
        ...{ lastValidationLoss: history.validation.last, epoch: history.positions.epoch.last, tokens: history.positions.tokens.last },
        throughput: median(history.metric('tokens_per_second').y),
      };
    });
  });

  protected readonly axis = computed<Axis>(() => AXES.find(({ name }) => name === this.x())?.name ?? 'step');
  protected readonly xTitle = computed(() => AXES.find(({ name }) => name === this.axis())!.title);
  /** The weight of the past in the moving average; follows the slider before the address does. */
  protected readonly weight = linkedSignal(() => Math.min(0.99, Math.max(0, Number(this.smoothing()) || 0)));
  protected readonly range = computed<Range | undefined>(() => {
    const [from, to] = [Number(this.from()), Number(this.to())];
    return this.from() && this.to() && to > from ? [from, to] : undefined;
  });
  protected readonly hidden = signal<ReadonlySet<string>>(new Set());
  protected readonly charts = computed(() => {
    this.version();
    const runs = this.runs().map((run) => ({ ...run, startedAt: Date.parse(run.job.started_at ?? run.job.created_at) }));
    return CHARTS.map((chart) => {
      const raw = runs.map((run): Series => ({ name: run.label, color: run.color, dash: run.dash, markers: chart.markers, points: alongAxis(chart.points(run.history), run.history, this.axis(), run.startedAt) }));
      return { ...chart, raw, isEmpty: raw.every((line) => !line.points.x.length), series: chart.smoothed ? raw.map((line) => ({ ...line, points: smooth(line.points, this.weight()) })) : raw };
    });
  });

  protected readonly showAll = computed(() => this.settings() === 'all');
  private readonly allSettings = computed(() => compareSettings(this.runs().map(({ job }) => job)));
  protected readonly settingRows = computed(() => this.allSettings().filter((row) => this.showAll() || row.differs));
  protected readonly settingCount = computed(() => this.allSettings().length);

  private readonly modelIds = computed(() => this.runs().flatMap(({ job }) => job.model_id ?? []), { equal: (a, b) => a.join() === b.join() });
  private readonly evaluations = injectQuery(() => {
    const ids = this.modelIds();
    return ids.length > 1 ? { key: `evaluations/of/${ids.join()}`, fetch: async () => (await Promise.all(ids.map((model_id) => this.evaluationApi.listEvaluations({ model_id, limit: 200 })))).flatMap((page) => page.items) } : undefined;
  });
  protected readonly sameRows = computed(() => groupBySameRows(this.evaluations.value() ?? []).map((group) => ({ ids: group.map(({ id }) => id).join(), models: group.length, ...group[0]! })));

  /** The jobs and their metrics so far. A job that cannot be shown does not keep the others from being compared. */
  private async load(ids: string[]): Promise<{ runs: Run[]; problems: Problem[] }> {
    const problems: Problem[] = [];
    const loaded = await Promise.all(
      ids.map((id) =>
        this.loadRun(id).catch((failure: unknown) => {
          const problem = toProblem(failure);
          if (problem.status !== 404) throw failure;
          problems.push({ ...problem, remedy: 'Choose other jobs from the list.' });
          return undefined;
        }),
      ),
    );
    this.version.update((version) => version + 1);
    return { runs: loaded.filter((run) => run !== undefined), problems };
  }

  private async loadRun(id: string): Promise<Run> {
    const before = this.loaded.get(id);
    if (before?.complete) return before;
    const job = await this.api.getTrainingJob({ id });
    const history = before?.history ?? new JobHistory();
    const run = { job, history, complete: before !== undefined && isFinal(before.job.state) && isFinal(job.state) };
    for (;;) {
      const { records } = await this.api.getTrainingMetrics({ id, after: history.seq, limit: RECORDS_PER_REQUEST });
      history.apply(records as StreamRecord[]);
      if (records.length === RECORDS_PER_REQUEST) continue;
      this.loaded.set(id, run);
      return run;
    }
  }

  protected show(queryParams: Record<string, string | number | null>): void {
    // One after another: a navigation that begins during another one would drop its changes.
    this.navigation = this.navigation.then(() => this.router.navigate([], { queryParams, queryParamsHandling: 'merge', replaceUrl: true, scroll: 'manual' }));
  }

  /** Changes the axis; a range of the old one has no meaning on the new one. */
  protected setAxis(axis: Axis): void {
    this.show({ x: axis === 'step' ? null : axis, from: null, to: null });
  }

  protected setSmoothing(weight: number): void {
    this.weight.set(weight);
    this.show({ smoothing: weight || null });
  }

  protected zoom(range: Range | undefined): void {
    this.show({ from: range?.[0] ?? null, to: range?.[1] ?? null });
  }

  protected remove(id: string): void {
    this.show({ ids: this.requested().filter((other) => other !== id).join() });
  }

  protected toggle(label: string): void {
    this.hidden.update((hidden) => new Set(hidden.has(label) ? [...hidden].filter((other) => other !== label) : [...hidden, label]));
  }

  protected saveCsv(chart: { name: string; heading: string; yTitle: string; raw: Series[] }): void {
    const ids = new Map(this.runs().map((run) => [run.label, run.job.id]));
    const shown = chart.raw.filter((line) => !this.hidden().has(line.name));
    save(new Blob([toCsv(shown, this.xTitle(), `${chart.heading}: ${chart.yTitle}`, (name) => ids.get(name)!)], { type: 'text/csv' }), `${chart.name}.csv`);
  }

  protected async savePicture(chart: LineChart, name: string): Promise<void> {
    const picture = await chart.toPicture();
    if (picture) save(picture, `${name}.png`);
    else this.notifications.showProblem({ status: 0, code: 'no_picture', title: 'No picture', detail: 'The browser could not make a picture of the chart.', remedy: 'Make the window smaller, or save the values as CSV.' });
  }
}
