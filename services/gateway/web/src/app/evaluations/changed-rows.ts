/** The rows that one model answered better, worse or equally well than the baseline, by the score of the row. */
import { Component, computed, inject, input, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { Router } from '@angular/router';

import { EvaluationService } from '../api/services';
import { CountPipe, MetricPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { injectQuery } from '../platform/query';
import { Answer } from './answer';
import { metricLabel } from './metrics';
import { promptText } from './prompt';

const PAGE_SIZE = 10;
const CHANGES = ['better', 'worse', 'same'] as const;
type Change = (typeof CHANGES)[number];
const EMPTY_TEXTS: Record<Change, string> = {
  better: 'No row got better by this score.',
  worse: 'No row got worse by this score.',
  same: 'No row has the same score in both.',
};

@Component({
  selector: 'an-changed-rows',
  imports: [Answer, CountPipe, FormsModule, MatButton, MetricPipe, ProblemCard, Skeleton],
  templateUrl: './changed-rows.html',
  styleUrl: './evaluation.scss',
})
export class ChangedRows {
  readonly baseline = input.required<string>();
  readonly candidates = input.required<string[]>();
  readonly labels = input.required<Map<string, string>>();
  readonly metrics = input.required<string[]>();
  /** The view, from the query parameters. */
  readonly metric = input<string>();
  readonly change = input<string>();
  readonly candidate = input<string>();
  readonly from = input<string>();
  private readonly api = inject(EvaluationService);
  private readonly router = inject(Router);
  protected readonly changes = CHANGES;
  protected readonly metricLabel = metricLabel;
  protected readonly promptText = promptText;
  protected readonly pageSize = PAGE_SIZE;
  protected readonly showDiff = signal(true);
  protected readonly selectedMetric = computed(() => this.metrics().find((name) => name === this.metric()) ?? this.metrics()[0] ?? '');
  protected readonly selectedChange = computed(() => CHANGES.find((change) => change === this.change()) ?? 'worse');
  protected readonly selectedCandidate = computed(() => this.candidates().find((id) => id === this.candidate()) ?? this.candidates()[0] ?? '');
  protected readonly offset = computed(() => Number(this.from() ?? 0) || 0);
  protected readonly emptyText = computed(() => EMPTY_TEXTS[this.selectedChange()]);
  protected readonly page = injectQuery(() => {
    if (!this.selectedMetric()) return undefined;
    const params = { baseline: this.baseline(), candidate: this.selectedCandidate(), metric: this.selectedMetric(), change: this.selectedChange(), offset: this.offset(), limit: PAGE_SIZE };
    return { key: `changes/${JSON.stringify(params)}`, fetch: () => this.api.listChangedRows(params) };
  });

  protected show(view: { metric?: string; change?: string; candidate?: string; from?: number }): void {
    const queryParams = { ...view, from: view.from || null };
    void this.router.navigate([], { queryParams, queryParamsHandling: 'merge', replaceUrl: true, scroll: 'manual' });
  }
}
