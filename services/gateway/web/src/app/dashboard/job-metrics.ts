/** The latest throughput and resource metrics of a running job. */
import { Component, computed, inject, input } from '@angular/core';

import { TrainingService } from '../api/services';
import { sentenceCase } from '../elements/format';
import { MetricPipe } from '../elements/pipes';
import { injectQuery } from '../platform/query';

const POLL_INTERVAL_MS = 3000;
const SHOWN_METRICS = /cpu|gpu|memory|tokens_per_second/;

@Component({
  selector: 'an-job-metrics',
  imports: [MetricPipe],
  template: `
    @for (metric of metrics(); track metric.label) {
      <span class="muted">{{ metric.label }}&ngsp;<b>{{ metric.value | metric }}</b></span>
    }
  `,
  styles: `:host { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; font-size: 0.85rem; } b { color: var(--text); }`,
})
export class JobMetrics {
  readonly job = input.required<string>();
  private readonly api = inject(TrainingService);
  private readonly detail = injectQuery(
    () => ({ key: `job/${this.job()}`, fetch: () => this.api.getTrainingJob({ id: this.job() }) }),
    () => POLL_INTERVAL_MS,
  );
  protected readonly metrics = computed(() =>
    Object.entries(this.detail.value()?.metrics ?? {})
      .filter(([name, value]) => SHOWN_METRICS.test(name) && typeof value === 'number')
      .map(([name, value]) => ({ label: sentenceCase(name), value: value as number })),
  );
}
