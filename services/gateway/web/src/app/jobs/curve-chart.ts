/** Curves by training step, drawn by Chart.js at most once per frame. */
import { afterNextRender, Component, computed, effect, ElementRef, inject, DestroyRef, input, signal, viewChild } from '@angular/core';
import { Chart, LinearScale, LineController, LineElement, LogarithmicScale, PointElement, Tooltip } from 'chart.js';

import { figure } from '../elements/format';
import { Theme } from '../shell/theme';
import { decimate } from './decimate';
import { Points } from './history';
import { Turns } from './turns';

Chart.register(LinearScale, LineController, LineElement, LogarithmicScale, PointElement, Tooltip);

export interface Curve {
  name: string;
  points: Points;
  /** A CSS variable of ours. */
  colour: string;
  /** Few points that should be seen one by one. */
  dots?: boolean;
}

const BUCKETS = 500;

@Component({
  selector: 'an-curve-chart',
  template: `
    <div class="head">
      <h2>{{ heading() }}</h2>
      @for (curve of curves(); track curve.name) {
        <span class="key"><i [style.background]="'var(' + curve.colour + ')'" aria-hidden="true"></i>{{ curve.name }}&ngsp;<b>{{ latest()[$index] }}</b></span>
      }
      @if (scalable()) {
        <label class="key"><input type="checkbox" [checked]="logarithmic()" (change)="logarithmic.set(!logarithmic())" /> logarithmic</label>
      }
    </div>
    <div class="frame"><canvas #canvas role="img" [attr.aria-label]="spoken()"></canvas></div>
  `,
  styles: `
    :host { display: block; min-width: 0; }
    .head { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; align-items: baseline; h2 { flex: 1 1 7rem; font-size: 0.95rem; } }
    .key { font-size: 0.85rem; color: var(--ink-2); i { display: inline-block; width: 0.8rem; height: 0.2rem; border-radius: 1rem; margin-right: 0.35rem; vertical-align: middle; } b { color: var(--ink); } }
    .frame { position: relative; height: var(--chart-height, 11rem); margin-top: 0.4rem; }
  `,
})
export class CurveChart {
  readonly heading = input.required<string>();
  readonly curves = input.required<Curve[]>();
  /** Grows when points have changed. */
  readonly version = input.required<number>();
  /** Offers a logarithmic axis. */
  readonly scalable = input(false);
  protected readonly logarithmic = signal(false);
  private readonly canvas = viewChild.required<ElementRef<HTMLCanvasElement>>('canvas');
  private readonly host = inject<ElementRef<HTMLElement>>(ElementRef);
  private readonly theme = inject(Theme);
  private readonly turns = inject(Turns);
  private chart?: Chart<'line'>;
  private inSight = true;
  private readonly redraw = () => this.draw(false);

  protected readonly latest = computed(() => {
    this.version();
    return this.curves().map((curve) => figure(curve.points.last));
  });
  protected readonly spoken = computed(() => {
    const values = this.curves().map((curve, i) => `${curve.name} ${this.latest()[i]} after ${curve.points.x.length} points`);
    return `Chart of ${this.heading()}: ${values.join(', ')}`;
  });

  constructor() {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const repaint = () => this.draw(true);
    const sight = new IntersectionObserver((entries) => {
      this.inSight = entries.at(-1)?.isIntersecting ?? true;
      if (this.inSight) this.turns.ask(this.redraw);
    });
    afterNextRender(() => {
      this.chart = this.create();
      this.draw(true);
      dark.addEventListener('change', repaint);
      sight.observe(this.canvas().nativeElement);
    });
    effect(() => {
      this.version();
      this.curves();
      this.logarithmic();
      if (this.inSight) this.turns.ask(this.redraw);
    });
    effect(() => {
      this.theme.choice();
      requestAnimationFrame(repaint);
    });
    inject(DestroyRef).onDestroy(() => {
      dark.removeEventListener('change', repaint);
      sight.disconnect();
      this.turns.forget(this.redraw);
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
          y: { type: 'linear', ticks: { maxTicksLimit: 5, callback: (value) => figure(Number(value)) } },
        },
        plugins: { tooltip: { callbacks: { title: (items) => `step ${items[0]?.parsed.x}`, label: (item) => `${item.dataset.label} ${figure(item.parsed.y)}` } } },
      },
    });
  }

  private draw(colours: boolean): void {
    const chart = this.chart;
    if (!chart) return;
    const curves = this.curves();
    // Datasets stay the same objects: Chart.js then only looks at their points.
    if (colours || chart.data.datasets.map((dataset) => dataset.label).join() !== curves.map((curve) => curve.name).join()) {
      chart.data.datasets = curves.map((curve, i) => ({ ...this.style(curve), data: [], order: -i }));
      this.paint(chart);
    }
    chart.data.datasets.forEach((dataset, i) => (dataset.data = decimate(curves[i]!.points.x, curves[i]!.points.y, BUCKETS)));
    const type = this.logarithmic() ? 'logarithmic' : 'linear';
    const y = chart.options.scales?.['y'];
    if (y && y.type !== type) y.type = type;
    chart.update('none');
  }

  private style(curve: Curve) {
    const colour = this.colour(curve.colour);
    return { label: curve.name, borderColor: colour, backgroundColor: colour, pointRadius: curve.dots ? 2.5 : 0 };
  }

  private paint(chart: Chart<'line'>): void {
    for (const axis of ['x', 'y'] as const) {
      const scale = chart.options.scales?.[axis];
      if (scale?.ticks) scale.ticks.color = this.colour('--ink-2');
      if (scale?.grid) scale.grid.color = this.colour('--line');
      if (scale?.border) scale.border.color = this.colour('--line');
    }
  }

  /** The colour that a variable has now; a canvas does not know light-dark(). */
  private colour(variable: string): string {
    const style = this.host.nativeElement.style;
    style.setProperty('outline-color', `var(${variable})`);
    const colour = getComputedStyle(this.host.nativeElement).outlineColor;
    style.removeProperty('outline-color');
    return colour;
  }
}
