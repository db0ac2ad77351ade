/** A Chart.js line chart of metrics by training step, or along another axis. */
import { afterNextRender, Component, computed, effect, ElementRef, inject, DestroyRef, input, model, output, signal, viewChild } from '@angular/core';
import { Chart, LinearScale, LineController, LineElement, LogarithmicScale, PointElement, Tooltip } from 'chart.js';

import { formatCount, formatMetric } from '../elements/format';
import { Theme } from '../shell/theme';
import { toPicture } from './chart-files';
import { decimate, Point, within } from './decimate';
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
  /** Lengths of strokes and gaps in pixels; solid by default. */
  dash?: number[];
}

/** The lowest and the highest x that a chart shows. */
export type Range = [number, number];

const BUCKETS = 500;
const MIN_DRAG_PX = 5;

@Component({
  selector: 'an-line-chart',
  template: `
    <div class="head">
      <h2>{{ heading() }}</h2>
      @for (line of series(); track line.name) {
        @if (toggles()) {
          <button type="button" class="key" [class.hidden]="hidden().has(line.name)" [attr.aria-pressed]="!hidden().has(line.name)" (click)="toggle.emit(line.name)">
            <i [style.border-color]="'var(' + line.color + ')'" [class.dashed]="line.dash?.length" aria-hidden="true"></i><span>{{ line.name }}</span>&ngsp;<b>{{ latest()[$index] }}</b>
          </button>
        } @else {
          <span class="key"><i [style.border-color]="'var(' + line.color + ')'" aria-hidden="true"></i>{{ line.name }}&ngsp;<b>{{ latest()[$index] }}</b></span>
        }
      }
      @if (logScaleOption()) {
        <label class="key"><input type="checkbox" [checked]="logScale()" (change)="logScale.set(!logScale())" /> Log scale</label>
      }
    </div>
    <div class="frame" [class.zoomable]="zoomable()" (pointerdown)="startZoom($event)" (pointermove)="drag($event)" (pointerup)="zoom()" (pointercancel)="dragged.set(undefined)" (dblclick)="range.set(undefined)">
      <canvas #canvas role="img" [attr.aria-label]="summary()"></canvas>
      @if (dragged(); as pixels) {
        <div class="selection" [style.left.px]="min(pixels)" [style.width.px]="max(pixels) - min(pixels)"></div>
      }
    </div>
  `,
  styles: `
    :host { display: block; min-width: 0; }
    .head { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; align-items: baseline; h2 { flex: 1 1 7rem; font-size: 0.95rem; } }
    .key { font-size: 0.85rem; color: var(--text-muted); i { display: inline-block; width: 0.9rem; border-top: 0.2rem solid; margin-right: 0.35rem; vertical-align: middle; &.dashed { border-top-style: dashed; } } b { color: var(--text); } }
    button.key { font: inherit; font-size: 0.85rem; border: 0; padding: 0.1rem 0; background: none; cursor: pointer; text-align: left; overflow-wrap: anywhere; &:hover span { text-decoration: underline; } &.hidden span { text-decoration: line-through; } &.hidden i { opacity: 0.35; } }
    .zoomable { cursor: crosshair; touch-action: pan-y; user-select: none; }
    .selection { position: absolute; top: 0; bottom: 0; background: var(--accent-soft); opacity: 0.6; pointer-events: none; }
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
  /** Makes the legend switch series on and off: `toggle` reports a name, `hidden` has those that are off. */
  readonly toggles = input(false);
  readonly hidden = input<ReadonlySet<string>>(new Set());
  readonly toggle = output<string>();
  /** The titles of the axes, with units. */
  readonly xTitle = input('');
  readonly yTitle = input('');
  /** Lets the pointer select a range of x. A double click shows everything. */
  readonly zoomable = input(false);
  readonly range = model<Range>();
  protected readonly dragged = signal<Range | undefined>(undefined);
  protected readonly min = (pixels: Range) => Math.min(...pixels);
  protected readonly max = (pixels: Range) => Math.max(...pixels);
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
      this.hidden();
      this.range();
      this.xTitle();
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
          x: { type: 'linear', title: { display: false, text: '' }, ticks: { maxTicksLimit: 7, maxRotation: 0 }, grid: { display: false } },
          y: { type: 'linear', title: { display: false, text: '' }, ticks: { maxTicksLimit: 5, callback: (value) => formatMetric(Number(value)) } },
        },
        plugins: { tooltip: { callbacks: { title: (items) => `${this.xTitle() || 'step'} ${formatCount(items[0]?.parsed.x)}`, label: (item) => `${item.dataset.label} ${formatMetric(item.parsed.y)}` } } },
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
    chart.data.datasets.forEach((dataset, i) => {
      dataset.data = this.visiblePoints(series[i]!);
      (dataset as { pointRadius?: number }).pointRadius = series[i]!.markers || dataset.data.length === 1 ? 2.5 : 0; // one point makes no line
      dataset.hidden = this.hidden().has(series[i]!.name);
    });
    this.setScales(chart);
    chart.update('none');
  }

  private visiblePoints({ points }: Series): Point[] {
    const range = this.range();
    return range ? decimate(...within(points.x, points.y, ...range), BUCKETS) : decimate(points.x, points.y, BUCKETS);
  }

  private setScales(chart: Chart<'line'>): void {
    const { x, y } = chart.options.scales as Record<'x' | 'y', { type?: string; min?: number; max?: number; title?: { display: boolean; text: string } }>;
    const type = this.logScale() ? 'logarithmic' : 'linear';
    if (y.type !== type) y.type = type;
    [x.min, x.max] = this.range() ?? [];
    for (const [axis, text] of [[x, this.xTitle()], [y, this.yTitle()]] as const) Object.assign(axis.title!, { display: Boolean(text), text });
  }

  protected startZoom(event: PointerEvent): void {
    if (!this.zoomable() || event.button !== 0) return;
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    this.dragged.set([event.offsetX, event.offsetX]);
  }

  protected drag(event: PointerEvent): void {
    this.dragged.update((pixels) => pixels && [pixels[0], event.offsetX]);
  }

  protected zoom(): void {
    const pixels = this.dragged();
    this.dragged.set(undefined);
    const scale = this.chart?.scales['x'];
    if (!pixels || !scale || this.max(pixels) - this.min(pixels) < MIN_DRAG_PX) return;
    const edge = (pixel: number) => Number(scale.getValueForPixel(Math.min(scale.right, Math.max(scale.left, pixel)))!.toPrecision(6));
    this.range.set([edge(this.min(pixels)), edge(this.max(pixels))]);
  }

  /** The chart's picture with its heading, titles and the series that are switched on. */
  toPicture(): Promise<Blob | null> {
    const legend = this.series()
      .filter((line) => !this.hidden().has(line.name))
      .map((line) => ({ name: line.name, color: this.resolveColor(line.color), dash: line.dash ?? [] }));
    return toPicture(this.canvas().nativeElement, this.heading(), legend, { background: this.resolveColor('--surface'), text: this.resolveColor('--text') });
  }

  private lineStyle(line: Series) {
    const color = this.resolveColor(line.color);
    return { label: line.name, borderColor: color, backgroundColor: color, borderDash: line.dash ?? [] };
  }

  private colorAxes(chart: Chart<'line'>): void {
    for (const axis of ['x', 'y'] as const) {
      const scale = chart.options.scales?.[axis];
      const title = (scale as { title?: { color?: string } } | undefined)?.title;
      if (title) title.color = this.resolveColor('--text-muted');
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
