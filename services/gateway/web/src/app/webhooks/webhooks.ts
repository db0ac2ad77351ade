/** The project's webhooks, and the form for a new one, whose secret is shown once. */
import { Component, inject, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { RouterLink } from '@angular/router';

import { IssuedWebhook } from '../api/models';
import { WebhooksService } from '../api/services';
import { CodeBlock } from '../elements/code-block';
import { EmptyState } from '../elements/empty-state';
import { Icon } from '../elements/icon';
import { LoadMore } from '../elements/load-more';
import { ProblemCard } from '../elements/problem-card';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { injectPagedQuery } from '../platform/paged-query';
import { Problem, toProblem } from '../platform/problem';
import { injectSession } from '../platform/session';
import { viewState } from '../platform/view-state';
import { EVENT_GROUPS, EventType } from './event-types';

@Component({
  selector: 'an-webhooks',
  imports: [CodeBlock, EmptyState, FormsModule, Icon, LoadMore, MatButton, MatFormFieldModule, MatInput, ProblemCard, RelativeTime, RouterLink, Skeleton, StateBadge],
  templateUrl: './webhooks.html',
  styles: `.url { overflow-wrap: anywhere; }`,
})
export class Webhooks {
  private readonly api = inject(WebhooksService);
  protected readonly groups = EVENT_GROUPS;
  protected readonly isAdmin = injectSession().isAdmin;
  protected readonly webhooks = injectPagedQuery(() => ({ key: 'webhooks', fetch: (cursor) => this.api.listWebhooks({ cursor }) }));
  protected readonly creating = viewState('webhooks.creating', false);
  protected readonly url = viewState('webhooks.url', '');
  protected readonly description = viewState('webhooks.description', '');
  protected readonly types = viewState<EventType[]>('webhooks.types', []);
  protected readonly issued = signal<IssuedWebhook | undefined>(undefined);
  protected readonly submitting = signal(false);
  protected readonly problem = signal<Problem | undefined>(undefined);

  protected toggle(type: EventType, selected: boolean): void {
    this.types.update((types) => [...types.filter((other) => other !== type), ...(selected ? [type] : [])]);
  }

  protected async create(): Promise<void> {
    this.submitting.set(true);
    this.problem.set(undefined);
    try {
      this.issued.set(await this.api.createWebhook({ body: { url: this.url().trim(), event_types: this.types(), description: this.description().trim() } }));
      this.url.set('');
      this.description.set('');
      this.types.set([]);
      this.creating.set(false);
      this.webhooks.refetch();
    } catch (failure) {
      this.problem.set(toProblem(failure));
    } finally {
      this.submitting.set(false);
    }
  }
}
