/** A Chart.js line chart of metrics by training step. */
import { afterNextRender, Component, computed, effect, ElementRef, inject, DestroyRef, input, signal, viewChild } from '@angular/core';
import { Chart, LinearScale, LineController, LineElement, LogarithmicScale, PointElement, Tooltip } from 'chart.js';

import { formatMetric } from '../elements/format';
import { Theme } from '../shell/theme';
import { decimate } from './decimate';
import { DrawQueue } from './draw-queue';
import { Points } from './job-history';

Chart.register(LinearScale, LineController, LineElement, LogarithmicScale, PointElement, Tooltip);

export interface Series {
  name: string;
  points: Points;
  /** A CSS variable of styles.scss. */
  color: string;
  /** Marks every point, for sparse series. */
  markers?: boolean;
}

const BUCKETS = 500;

@Component({
  selector: 'an-line-chart',
  template: `
    <div class="head">
      <h2>{{ heading() }}</h2>
      @for (line of series(); track line.name) {
        <span class="key"><i [style.background]="'var(' + line.color + ')'" aria-hidden="true"></i>{{ line.name }}&ngsp;<b>{{ latest()[$index] }}</b></span>
      }
      @if (logScaleOption()) {
        <label class="key"><input type="checkbox" [checked]="logScale()" (change)="logScale.set(!logScale())" /> Log scale</label>
      }
    </div>
    <div class="frame"><canvas #canvas role="img" [attr.aria-label]="summary()"></canvas></div>
  `,
  styles: `
    :host { display: block; min-width: 0; }
    .head { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; align-items: baseline; h2 { flex: 1 1 7rem; font-size: 0.95rem; } }
    .key { font-size: 0.85rem; color: var(--text-muted); i { display: inline-block; width: 0.8rem; height: 0.2rem; border-radius: 1rem; margin-right: 0.35rem; vertical-align: middle; } b { color: var(--text); } }
    .frame { position: relative; height: var(--chart-height, 11rem); margin-top: 0.4rem; }
  `,
})
export class LineChart {
  readonly heading = input.required<string>();
  readonly series = input.required<Series[]>();
  /** Incremented when points change. */
  readonly version = input.required<number>();
  /** Shows the log scale checkbox. */
  readonly logScaleOption = input(false);
  protected readonly logScale = signal(false);
  private readonly canvas = viewChild.required<ElementRef<HTMLCanvasElement>>('canvas');
  private readonly host = inject<ElementRef<HTMLElement>>(ElementRef);
  private readonly theme = inject(Theme);
  private readonly drawQueue = inject(DrawQueue);
  private chart?: Chart<'line'>;
  private visible = true;
  private readonly redraw = () => this.draw(false);

  protected readonly latest = computed(() => {
    this.version();
    return this.series().map((line) => formatMetric(line.points.last));
  });
  protected readonly summary = computed(() => {
    const values = this.series().map((line, i) => `${line.name} ${this.latest()[i]} after ${line.points.x.length} points`);
    return `Chart of ${this.heading()}: ${values.join(', ')}`;
  });

  constructor() {
    const darkScheme = matchMedia('(prefers-color-scheme: dark)');
    const repaint = () => this.draw(true);
    const observer = new IntersectionObserver((entries) => {
      this.visible = entries.at(-1)?.isIntersecting ?? true;
      if (this.visible) this.drawQueue.add(this.redraw);
    });
    afterNextRender(() => {
      this.chart = this.create();
      this.draw(true);
      darkScheme.addEventListener('change', repaint);
      observer.observe(this.canvas().nativeElement);
    });
    effect(() => {
      this.version();
      this.series();
      this.logScale();
      if (this.visible) this.drawQueue.add(this.redraw);
    });
    effect(() => {
      this.theme.choice();
      requestAnimationFrame(repaint);
    });
    inject(DestroyRef).onDestroy(() => {
      darkScheme.removeEventListener('change', repaint);
      observer.disconnect();
      this.drawQueue.remove(this.redraw);
      this.chart?.destroy();
      this.chart = undefined;
    });
  }

  private create(): Chart<'line'> {
    return new Chart(this.canvas().nativeElement, {
      type: 'line',
      data: { datasets: [] },
      options: {
        animation: false,
        parsing: false,
        normalized: true,
        responsive: true,
        maintainAspectRatio: false,
        interaction: { mode: 'nearest', axis: 'x', intersect: false },
        elements: { line: { borderWidth: 1.6 }, point: { radius: 0, hitRadius: 6 } },
        scales: {
          x: { type: 'linear', ticks: { maxTicksLimit: 7, maxRotation: 0 }, grid: { display: false } },
          y: { type: 'linear', ticks: { maxTicksLimit: 5, callback: (value) => formatMetric(Number(value)) } },
        },
        plugins: { tooltip: { callbacks: { title: (items) => `step ${items[0]?.parsed.x}`, label: (item) => `${item.dataset.label} ${formatMetric(item.parsed.y)}` } } },
      },
    });
  }

  private draw(recolor: boolean): void {
    const chart = this.chart;
    if (!chart) return;
    const series = this.series();
    // The dataset objects are reused: Chart.js then updates only their points.
    if (recolor || chart.data.datasets.map((dataset) => dataset.label).join() !== series.map((line) => line.name).join()) {
      chart.data.datasets = series.map((line, i) => ({ ...this.lineStyle(line), data: [], order: -i }));
      this.colorAxes(chart);
    }
    chart.data.datasets.forEach((dataset, i) => (dataset.data = decimate(series[i]!.points.x, series[i]!.points.y, BUCKETS)));
    const type = this.logScale() ? 'logarithmic' : 'linear';
    const y = chart.options.scales?.['y'];
    if (y && y.type !== type) y.type = type;
    chart.update('none');
  }

  private lineStyle(line: Series) {
    const color = this.resolveColor(line.color);
    return { label: line.name, borderColor: color, backgroundColor: color, pointRadius: line.markers ? 2.5 : 0 };
  }

  private colorAxes(chart: Chart<'line'>): void {
    for (const axis of ['x', 'y'] as const) {
      const scale = chart.options.scales?.[axis];
      if (scale?.ticks) scale.ticks.color = this.resolveColor('--text-muted');
      if (scale?.grid) scale.grid.color = this.resolveColor('--border');
      if (scale?.border) scale.border.color = this.resolveColor('--border');
    }
  }

  /** The computed color of a CSS variable: a canvas cannot resolve light-dark(). */
  private resolveColor(variable: string): string {
    const style = this.host.nativeElement.style;
    style.setProperty('outline-color', `var(${variable})`);
    const color = getComputedStyle(this.host.nativeElement).outlineColor;
    style.removeProperty('outline-color');
    return color;
  }
}
