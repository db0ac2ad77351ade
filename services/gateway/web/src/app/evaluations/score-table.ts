/** Scores of the fine-tuned and the base model: bars with intervals, the difference, and what its test says. */
import { Component, computed, input } from '@angular/core';

import { Comparison } from '../api/models';
import { MetricPipe } from '../elements/pipes';
import { scaleOf } from './metrics';
import { ScoreBars } from './score-bars';

type Interval = [number, number];

/** An evaluation, or a slice of one. */
export interface Scored {
  scores: Record<string, number>;
  base_scores: Record<string, number>;
  intervals: Record<string, Interval>;
  base_intervals: Record<string, Interval>;
  comparison: Record<string, Comparison>;
}

export interface ScoreRow {
  label: string;
  /** Below the label. */
  note?: string;
  metric: string;
  scored: Scored;
}

const VERDICTS: Record<Comparison['verdict'], string> = { better: 'better', worse: 'worse', no_difference: 'no significant difference', too_few_rows: 'too few rows for a test' };

@Component({
  selector: 'an-score-table',
  imports: [MetricPipe, ScoreBars],
  template: `
    <div class="table-frame">
      <table class="cards">
        <thead>
          <tr>
            <th scope="col">{{ heading() }}</th><th scope="col" class="bars"><span class="visually-hidden">Bars</span></th>
            @if (hasBase()) {<th scope="col" class="end">Base model</th>}
            <th scope="col" class="end">{{ model() }}</th>
            @if (hasBase()) {<th scope="col" class="end">Difference</th>}
          </tr>
        </thead>
        <tbody>
          @for (row of shown(); track row.label) {
            <tr>
              <td>{{ row.label }} @if (row.note) {<small class="muted note">{{ row.note }}</small>}</td>
              <td class="bars"><an-score-bars [tuned]="row.tuned" [base]="row.base" [interval]="row.interval" [baseInterval]="row.baseInterval" [max]="row.max" /></td>
              @if (hasBase()) {
                <td class="end" data-label="Base model">{{ row.base | metric }}&ngsp;@if (row.baseInterval; as interval) {<small class="muted nowrap">{{ interval[0] | metric }} to {{ interval[1] | metric }}</small>}</td>
              }
              <td class="end" [attr.data-label]="model()"><b>{{ row.tuned | metric }}</b>&ngsp;@if (row.interval; as interval) {<small class="muted nowrap">{{ interval[0] | metric }} to {{ interval[1] | metric }}</small>}</td>
              @if (hasBase()) {
                <td class="end" data-label="Difference">
                  @if (row.base !== undefined) {
                    <span [class.success-text]="row.test?.verdict === 'better'" [class.error-text]="row.test?.verdict === 'worse'">{{ row.tuned > row.base ? '+' : '' }}{{ row.tuned - row.base | metric }} {{ row.verdict }}</span>
                  }
                </td>
              }
            </tr>
          }
        </tbody>
      </table>
    </div>
    <p class="muted legend">@if (hasBase()) {Upper bar: {{ model() }}, lower bar: base model. }Lines and ranges are 95 % confidence intervals over rows.</p>
  `,
  styles: `
    .bars { width: 30%; }
    .note { display: block; overflow-wrap: anywhere; }
    .legend { font-size: 0.85rem; }
  `,
})
export class ScoreTable {
  readonly heading = input.required<string>();
  readonly rows = input.required<readonly ScoreRow[]>();
  /** What the scored model is called. */
  readonly model = input('Fine-tuned model');
  protected readonly shown = computed(() => {
    const max = new Map<string, number>();
    for (const { metric, scored } of this.rows()) max.set(metric, Math.max(max.get(metric) ?? 0, scaleOf(metric, scored)));
    return this.rows().map(({ label, note, metric, scored }) => {
      const test = scored.comparison[metric];
      return {
        ...{ label, note, test, tuned: scored.scores[metric]!, base: scored.base_scores[metric] },
        ...{ interval: scored.intervals[metric], baseInterval: scored.base_intervals[metric], max: max.get(metric)!, verdict: test ? VERDICTS[test.verdict] : '' },
      };
    });
  });
  protected readonly hasBase = computed(() => this.shown().some((row) => row.base !== undefined));
}
