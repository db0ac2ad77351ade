/** The project's aliases, and the form for a new one. */
import { Component, computed, inject, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Router, RouterLink } from '@angular/router';

import { AliasView } from '../api/models';
import { InferenceService } from '../api/services';
import { EmptyState } from '../elements/empty-state';
import { Icon } from '../elements/icon';
import { LoadMore } from '../elements/load-more';
import { ProblemCard } from '../elements/problem-card';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { injectModelNames } from '../models/model-names';
import { injectPagedQuery } from '../platform/paged-query';
import { Problem, toProblem } from '../platform/problem';
import { viewState } from '../platform/view-state';
import { readSuite } from './suite';
import { SuiteEditor } from './suite-editor';

@Component({
  selector: 'an-aliases',
  imports: [EmptyState, FormsModule, Icon, LoadMore, MatButton, MatFormFieldModule, MatInput, ProblemCard, RelativeTime, RouterLink, Skeleton, SuiteEditor],
  templateUrl: './aliases.html',
})
export class Aliases {
  private readonly api = inject(InferenceService);
  private readonly router = inject(Router);
  protected readonly models = injectModelNames();
  protected readonly aliases = injectPagedQuery(() => ({ key: 'aliases', fetch: (cursor) => this.api.listAliases({ cursor }) }));
  protected readonly creating = viewState('aliases.creating', false);
  protected readonly name = viewState('aliases.name', '');
  protected readonly model = viewState('aliases.model', '');
  protected readonly description = viewState('aliases.description', '');
  protected readonly suite = viewState('aliases.suite', '');
  protected readonly autoPromote = viewState('aliases.auto', false);
  protected readonly suiteError = computed(() => readSuite(this.suite()).error);
  protected readonly submitting = signal(false);
  protected readonly problem = signal<Problem | undefined>(undefined);

  protected promotion(alias: AliasView): string {
    if (!alias.suite) return 'By a person, without a suite';
    return alias.auto_promote ? 'By the suite alone' : 'By a person, after the suite';
  }

  protected async create(): Promise<void> {
    const { suite } = readSuite(this.suite());
    const body = {
      name: this.name().trim(),
      model: this.model() || (this.models.usable()[0]?.id ?? ''),
      description: this.description().trim(),
      suite,
      auto_promote: suite !== null && this.autoPromote(),
    };
    this.submitting.set(true);
    this.problem.set(undefined);
    try {
      const alias = await this.api.createAlias({ body });
      for (const field of [this.name, this.model, this.description, this.suite]) field.set('');
      this.autoPromote.set(false);
      this.creating.set(false);
      await this.router.navigate(['/aliases', alias.name]);
    } catch (failure) {
      this.problem.set(toProblem(failure));
    } finally {
      this.submitting.set(false);
    }
  }
}
