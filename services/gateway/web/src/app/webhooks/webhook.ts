/** One webhook: test, disable, a new secret, and the delivery log with replay. */
import { Component, computed, inject, input, signal } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { Router } from '@angular/router';

import { DeliveryView } from '../api/models';
import { WebhooksService } from '../api/services';
import { CodeBlock } from '../elements/code-block';
import { Confirm } from '../elements/confirm';
import { Icon } from '../elements/icon';
import { LoadMore } from '../elements/load-more';
import { MetricPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { Notifications } from '../platform/notifications';
import { injectPagedQuery } from '../platform/paged-query';
import { injectQuery } from '../platform/query';

const STATES = ['all', 'pending', 'succeeded', 'failed'] as const;
const PENDING_POLL_INTERVAL_MS = 1500;
const IDLE_POLL_INTERVAL_MS = 10_000;

@Component({
  selector: 'an-webhook',
  imports: [CodeBlock, Icon, LoadMore, MatButton, MetricPipe, ProblemCard, RelativeTime, Skeleton, StateBadge],
  templateUrl: './webhook.html',
  styles: `
    .page-head .grow { flex-basis: 24rem; }
    h1 { overflow-wrap: anywhere; }
    .attempts { margin: 0; padding-left: 1.2rem; }
    details { max-width: 28rem; }
  `,
})
export class WebhookPage {
  readonly id = input.required<string>();
  /** The state of the deliveries, from the query parameter. */
  readonly state = input<string>();
  private readonly api = inject(WebhooksService);
  private readonly confirm = inject(Confirm);
  private readonly notifications = inject(Notifications);
  private readonly router = inject(Router);
  protected readonly states = STATES;
  protected readonly selectedState = computed(() => STATES.find((state) => state === this.state()) ?? 'all');
  protected readonly secret = signal('');
  protected readonly webhook = injectQuery(() => ({ key: `webhook/${this.id()}`, fetch: () => this.api.showWebhook({ webhook_id: this.id() }) }));
  protected readonly deliveries = injectPagedQuery(
    () => {
      const state = this.selectedState();
      const params = { webhook_id: this.id(), ...(state === 'all' ? {} : { state }) };
      return { key: `deliveries/${JSON.stringify(params)}`, fetch: (cursor) => this.api.listWebhookDeliveries({ ...params, cursor }) };
    },
    (page) => (page.items.some((delivery) => delivery.state === 'pending') ? PENDING_POLL_INTERVAL_MS : IDLE_POLL_INTERVAL_MS),
  );

  protected selectState(state: string): void {
    void this.router.navigate([], { queryParams: { state: state === 'all' ? null : state }, replaceUrl: true, scroll: 'manual' });
  }

  protected async test(): Promise<void> {
    if (await this.notifications.run(() => this.api.testWebhook({ webhook_id: this.id() }), 'Test sent.')) this.deliveries.refetch();
  }

  protected async replay(delivery: DeliveryView): Promise<void> {
    await this.notifications.run(() => this.api.replayWebhookDelivery({ webhook_id: this.id(), delivery_id: delivery.id }), 'Delivery queued again.');
    this.deliveries.refetch();
  }

  protected async toggle(): Promise<void> {
    const enabled = !this.webhook.value()?.enabled;
    const change = async () => this.webhook.set(await this.api.changeWebhook({ webhook_id: this.id(), body: { enabled } }));
    await this.notifications.run(change, enabled ? 'Webhook enabled.' : 'Webhook disabled. It gets no events, and those meanwhile are not sent later.');
  }

  protected async rotate(): Promise<void> {
    const confirmed = await this.confirm.open({
      heading: 'Replace the signing secret?',
      text: 'Deliveries are signed with both secrets for 24 hours, so that the receiver can change.',
      confirmLabel: 'New secret',
    });
    if (!confirmed) return;
    const body = { keep_old_secret_active_for_24_hours: true };
    await this.notifications.run(async () => this.secret.set((await this.api.rotateWebhookSecret({ webhook_id: this.id(), body })).secret));
    this.webhook.refetch();
  }

  protected async delete(): Promise<void> {
    const confirmed = await this.confirm.open({ heading: 'Delete this webhook?', text: 'It gets no events from then on, what is pending is not sent, and its delivery log is gone.', confirmLabel: 'Delete webhook' });
    if (confirmed && (await this.notifications.run(() => this.api.deleteWebhook({ webhook_id: this.id() }), 'Webhook deleted.'))) await this.router.navigate(['/webhooks']);
  }
}
