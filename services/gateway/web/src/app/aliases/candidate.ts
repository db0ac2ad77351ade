/** One candidate of an alias: what the suite demanded and found, by criterion, slice and row. */
import { Component, computed, inject, input } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { RouterLink } from '@angular/router';

import { InferenceService } from '../api/services';
import { Icon } from '../elements/icon';
import { CountPipe, MetricPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { ProgressBar } from '../elements/progress-bar';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { injectModelNames } from '../models/model-names';
import { injectQuery } from '../platform/query';
import { injectActorNames } from './actor-names';
import { DecidingRow } from './deciding-row';
import { Promotion } from './promotion';
import { formatShare, meets, thresholdText } from './suite';

const POLL_INTERVAL_MS = 1000;

@Component({
  selector: 'an-candidate',
  imports: [CountPipe, DecidingRow, Icon, MatButton, MetricPipe, ProblemCard, ProgressBar, RelativeTime, RouterLink, Skeleton, StateBadge],
  templateUrl: './candidate.html',
})
export class CandidatePage {
  readonly name = input.required<string>();
  readonly id = input.required<string>();
  private readonly api = inject(InferenceService);
  private readonly promotion = inject(Promotion);
  protected readonly formatShare = formatShare;
  protected readonly meets = meets;
  protected readonly thresholdText = thresholdText;
  protected readonly models = injectModelNames();
  protected readonly actors = injectActorNames();
  protected readonly candidate = injectQuery(
    () => ({ key: `candidate/${this.id()}`, fetch: () => this.api.showCandidate({ name: this.name(), candidate_id: this.id() }) }),
    (candidate) => (candidate.state === 'evaluating' ? POLL_INTERVAL_MS : null),
  );
  /** Whether the current model answered the same rows. */
  protected readonly compared = computed(() => this.candidate.value()?.outcome.graders.some((grader) => grader.current_mean !== null) ?? false);
  protected readonly sliceValues = computed(() => new Set(this.candidate.value()?.outcome.slices.map((slice) => slice.value)).size);

  /** The value of a slice, which is JSON that may be cut. */
  protected sliceLabel(value: string): string {
    return value.replace(/^"(.*)"$/, '$1');
  }

  protected async promote(): Promise<void> {
    const candidate = this.candidate.value()!;
    await this.promotion.promote(candidate, this.models.nameOf(candidate.model_id));
    this.candidate.refetch();
  }
}
