/** A row that decided about a candidate: its scores, and on request the row with both models' answers. */
import { Component, inject, input, signal } from '@angular/core';

import { OutputItemView, RowOutcome } from '../api/models';
import { EvaluationService } from '../api/services';
import { MetricPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { injectQuery } from '../platform/query';

@Component({
  selector: 'an-deciding-row',
  imports: [MetricPipe, ProblemCard, Skeleton],
  template: `
    <details (toggle)="opened.set(true)">
      <summary>
        Row {{ row().number + 1 }}, {{ row().grader }}:
        @if (row().error; as error) {
          <b>could not be graded</b> <span class="muted">({{ error }})</span>
        } @else {
          score <b>{{ row().score | metric }}</b>
        }
        @if (row().current_score !== null) {
          <span class="muted">, current model {{ row().current_score | metric }}</span>
        }
      </summary>
      @if (items.value(); as found) {
        <div class="answers">
          <div><b>Row</b><pre>{{ rowText(found[0]) }}</pre></div>
          <div><b>Candidate's answer</b><pre>{{ answerOf(found[0]) }}</pre></div>
          @if (found[1]; as current) {
            <div><b>Current model's answer</b><pre>{{ answerOf(current) }}</pre></div>
          }
        </div>
      } @else if (items.problem(); as problem) {
        <an-problem [problem]="problem" [retryable]="true" (retry)="items.refetch()" />
      } @else {
        <an-skeleton />
      }
    </details>
  `,
  styles: `
    details { border-top: 1px solid var(--border); padding: 0.4rem 0; }
    .answers { display: grid; gap: 0.6rem 1.25rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); padding: 0.4rem 0; > div { min-width: 0; } b { color: var(--text-muted); font-size: 0.8125rem; } }
  `,
})
export class DecidingRow {
  readonly row = input.required<RowOutcome>();
  readonly evalId = input.required<string>();
  readonly runId = input.required<string>();
  readonly currentRunId = input.required<string | null>();
  private readonly api = inject(EvaluationService);
  protected readonly opened = signal(false);
  protected readonly items = injectQuery(() => {
    if (!this.opened()) return undefined;
    const row = this.row();
    return { key: `row/${row.item_id}`, fetch: () => Promise.all([this.fetch(this.runId(), row.item_id), this.fetch(this.currentRunId(), row.current_item_id)]) };
  });

  private async fetch(run: string | null, item: string | null): Promise<OutputItemView | undefined> {
    return run && item ? this.api.getEvalOutputItem({ eval_id: this.evalId(), run_id: run, output_item_id: item }) : undefined;
  }

  protected rowText(item?: OutputItemView): string {
    return JSON.stringify(item?.datasource_item ?? {}, null, 2);
  }

  protected answerOf(item?: OutputItemView): string {
    const outputs = (item?.sample?.['output'] ?? []) as { content?: string }[];
    return outputs.map((output) => output.content ?? '').join('\n') || (item?.sample?.['error']?.message ?? '(empty)');
  }
}
