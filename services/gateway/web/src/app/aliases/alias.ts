/** One alias: its model and the one before, its suite, candidates and history; promotion and rollback. */
import { Component, computed, inject, input, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Router, RouterLink } from '@angular/router';

import { CandidateView } from '../api/models';
import { InferenceService } from '../api/services';
import { CodeBlock } from '../elements/code-block';
import { Confirm } from '../elements/confirm';
import { Icon } from '../elements/icon';
import { LoadMore } from '../elements/load-more';
import { SentenceCasePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { injectModelNames } from '../models/model-names';
import { Notifications } from '../platform/notifications';
import { injectPagedQuery } from '../platform/paged-query';
import { Problem, toProblem } from '../platform/problem';
import { injectQuery } from '../platform/query';
import { injectPageTitle } from '../shell/page-title';
import { injectActorNames } from './actor-names';
import { Promotion } from './promotion';
import { readSuite, thresholdText } from './suite';
import { SuiteEditor } from './suite-editor';

const POLL_INTERVAL_MS = 1500;

@Component({
  selector: 'an-alias',
  imports: [CodeBlock, FormsModule, Icon, LoadMore, MatButton, MatFormFieldModule, MatInput, ProblemCard, RelativeTime, RouterLink, SentenceCasePipe, Skeleton, StateBadge, SuiteEditor],
  templateUrl: './alias.html',
  styleUrl: './alias.scss',
})
export class AliasPage {
  readonly name = input.required<string>();
  private readonly api = inject(InferenceService);
  private readonly confirm = inject(Confirm);
  private readonly notifications = inject(Notifications);
  private readonly promotion = inject(Promotion);
  private readonly router = inject(Router);
  protected readonly thresholdText = thresholdText;
  protected readonly models = injectModelNames();
  protected readonly actors = injectActorNames();
  protected readonly alias = injectQuery(() => ({ key: `alias/${this.name()}`, fetch: () => this.api.showAlias({ name: this.name() }) }));
  protected readonly candidates = injectPagedQuery(
    () => ({ key: `candidates/${this.name()}`, fetch: (cursor) => this.fetchCandidates(cursor) }),
    (page) => (page.items.some((candidate) => candidate.state === 'evaluating') ? POLL_INTERVAL_MS : null),
  );
  protected readonly history = computed(() => [...(this.alias.value()?.history ?? [])].reverse());
  protected readonly graders = computed(() => Object.keys(this.alias.value()?.suite?.thresholds ?? {}));
  protected readonly suiteText = computed(() => JSON.stringify(this.alias.value()?.suite ?? null, null, 2));
  protected readonly otherModels = computed(() => this.models.usable().filter((model) => model.id !== this.alias.value()?.model_id));
  protected readonly chosenModel = signal('');
  protected readonly candidateModel = computed(() => (this.otherModels().find((model) => model.id === this.chosenModel()) ?? this.otherModels()[0])?.id ?? '');
  protected readonly submitting = signal(false);
  protected readonly problem = signal<Problem | undefined>(undefined);
  protected readonly editing = signal(false);
  protected readonly description = signal('');
  protected readonly suite = signal('');
  protected readonly autoPromote = signal(false);
  protected readonly suiteError = computed(() => readSuite(this.suite()).error);

  /** A candidate that was promoted meanwhile, for example by the suite alone, has changed the alias too. */
  private async fetchCandidates(cursor?: string) {
    const page = await this.api.listCandidates({ name: this.name(), cursor });
    const decided = this.candidates.value()?.items.some((before) => before.state === 'evaluating' && page.items.some((now) => now.id === before.id && now.state !== 'evaluating'));
    if (decided) this.alias.refetch();
    return page;
  }

  private refetch(): void {
    this.alias.refetch();
    this.candidates.refetch();
  }

  constructor() {
    injectPageTitle(() => this.name());
  }

  protected async submit(): Promise<void> {
    this.submitting.set(true);
    this.problem.set(undefined);
    try {
      await this.api.submitCandidate({ name: this.name(), body: { model: this.candidateModel() } });
      this.candidates.refetch();
    } catch (failure) {
      this.problem.set(toProblem(failure));
    } finally {
      this.submitting.set(false);
    }
  }

  protected async promote(candidate: CandidateView): Promise<void> {
    await this.promotion.promote(candidate, this.models.nameOf(candidate.model_id));
    this.refetch();
  }

  protected async rollBack(): Promise<void> {
    const alias = this.alias.value();
    if (!alias?.previous_model_id) return;
    await this.promotion.rollBack(alias, this.models.nameOf(alias.model_id), this.models.nameOf(alias.previous_model_id));
    this.refetch();
  }

  /** Opens the form with the alias's values, or closes it. */
  protected edit(): void {
    const alias = this.alias.value();
    this.description.set(alias?.description ?? '');
    this.suite.set(alias?.suite ? this.suiteText() : '');
    this.autoPromote.set(alias?.auto_promote ?? false);
    this.editing.set(!this.editing());
  }

  protected async save(): Promise<void> {
    const { suite } = readSuite(this.suite());
    const body = { description: this.description().trim(), suite, auto_promote: suite !== null && this.autoPromote() };
    if (!(await this.notifications.run(async () => this.alias.set(await this.api.changeAlias({ name: this.name(), body })), 'Alias saved.'))) return;
    this.editing.set(false);
  }

  protected async delete(): Promise<void> {
    const confirmed = await this.confirm.open({
      heading: `Delete ${this.name()}?`,
      text: 'Requests by this name are refused from then on. Its models stay.',
      confirmLabel: 'Delete alias',
    });
    if (confirmed && (await this.notifications.run(() => this.api.deleteAlias({ name: this.name() }), 'Alias deleted.'))) await this.router.navigate(['/aliases']);
  }
}
