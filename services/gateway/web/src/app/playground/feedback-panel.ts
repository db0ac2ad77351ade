/** What people's votes say about the models, and datasets made of them in one click. */
import { Component, computed, inject, input, signal } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { RouterLink } from '@angular/router';

import { DataSummary, ImportView, ModelVotes } from '../api/models';
import { DatasetService, InferenceService } from '../api/services';
import { ProblemCard } from '../elements/problem-card';
import { Problem, toProblem } from '../platform/problem';
import { injectQuery } from '../platform/query';
import { injectSession } from '../platform/session';
import { Chat } from './chat';

const POLL_INTERVAL_MS = 500;

export const KINDS = [
  { name: 'preferences', label: 'Votes', method: 'DPO' },
  { name: 'ratings', label: 'Thumbs', method: 'KTO' },
] as const;
export type Kind = (typeof KINDS)[number]['name'];

const REASONS: Record<string, string> = {
  tie: 'ties',
  same_answer: 'with equal answers',
  empty_answer: 'with an empty answer',
  cut_off: 'whose good answer is cut off at max tokens',
  contradicted: 'contradicted by as many others or more',
  repeated: 'that repeat another',
};

/** What a dataset leaves out, in words. */
export function leftOutText(leftOut: DataSummary['left_out']): string {
  return Object.entries(leftOut).map(([reason, count]) => `${count} ${REASONS[reason] ?? reason}`).join(', ');
}

/** What was said about one model: `3 won, 1 lost; 2 good`. */
export function verdictText(votes: ModelVotes): string {
  const counted = (counts: [number, string][]) => counts.filter(([count]) => count).map(([count, name]) => `${count} ${name}`).join(', ');
  const rated = counted([[votes.good, 'good'], [votes.bad, 'bad']]);
  return [counted([[votes.wins, 'won'], [votes.losses, 'lost'], [votes.ties, 'tied']]), rated].filter(Boolean).join('; ');
}

@Component({
  selector: 'an-feedback',
  imports: [MatButton, ProblemCard, RouterLink],
  templateUrl: './feedback-panel.html',
  styles: `
    .votes { margin: 0.8rem 0 0; }
    dt { font-weight: 550; overflow-wrap: anywhere; }
    dd { margin: 0 0 0.4rem; color: var(--text-muted); }
  `,
})
export class FeedbackPanel {
  readonly names = input.required<Map<string, string>>();
  private readonly datasets = inject(DatasetService);
  private readonly chat = inject(Chat);
  private readonly caller = injectSession().caller;
  private readonly inference = inject(InferenceService);
  protected readonly kinds = KINDS;
  protected readonly leftOut = leftOutText;
  protected readonly verdicts = verdictText;
  protected readonly canWrite = computed(() => this.caller()?.scopes.some((scope) => ['write', 'admin', '*'].includes(scope)) ?? false);
  protected readonly summary = injectQuery(() => {
    this.chat.feedbackCount();
    return { key: 'feedback', fetch: () => this.inference.summarizeFeedback() };
  });
  protected readonly making = signal<Kind | undefined>(undefined);
  protected readonly made = signal<{ kind: Kind; dataset: string; rows: number } | undefined>(undefined);
  protected readonly problem = signal<Problem | undefined>(undefined);

  /** Imports the feedback, and waits until the dataset is ready. */
  protected async makeDataset(kind: Kind): Promise<void> {
    this.making.set(kind);
    this.problem.set(undefined);
    this.made.set(undefined);
    try {
      let found: ImportView = await this.datasets.importDataset({ body: { feedback: kind, name: kind === 'preferences' ? 'votes' : 'thumbs' } });
      while (found.state === 'downloading' || found.state === 'validating') {
        await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
        found = await this.datasets.getImport({ import_id: found.id });
      }
      if (found.state === 'ready') this.made.set({ kind, dataset: found.dataset_id!, rows: this.summary.value()?.[kind].rows ?? 0 });
      else this.problem.set({ status: 0, code: found.code ?? 'failed', title: 'No dataset', detail: found.detail ?? `The import is ${found.state}.` });
    } catch (failure) {
      this.problem.set(toProblem(failure));
    } finally {
      this.making.set(undefined);
    }
  }
}
