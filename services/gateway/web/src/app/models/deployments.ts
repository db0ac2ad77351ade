/** The deployed models: state, memory, throughput and latency. */
import { Component, inject, input } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { RouterLink } from '@angular/router';

import { DeploymentView } from '../api/models';
import { InferenceService } from '../api/services';
import { LoadMore } from '../elements/load-more';
import { BytesPipe, MetricPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { RelativeTime } from '../elements/relative-time';
import { StateBadge } from '../elements/state-badge';
import { Notifications } from '../platform/notifications';
import { injectPagedQuery, withoutItem } from '../platform/paged-query';

const LOADING_POLL_INTERVAL_MS = 1500;
const IDLE_POLL_INTERVAL_MS = 10_000;

@Component({
  selector: 'an-deployments',
  imports: [BytesPipe, LoadMore, MatButton, MetricPipe, ProblemCard, RelativeTime, RouterLink, StateBadge],
  template: `
    @if (deployments.problem(); as problem) {
      <an-problem [problem]="problem" [retryable]="true" (retry)="deployments.refetch()" />
    }
    @if (deployments.value()?.items?.length) {
      <section class="card" aria-labelledby="deployments">
        <h2 id="deployments">Deployments</h2>
        <p class="muted">Rates cover the last minute of the process that responded. Pinned models are never evicted from memory.</p>
        <div class="table-frame">
          <table class="cards">
            <thead>
              <tr>
                <th scope="col">Model</th><th scope="col">State</th><th scope="col">Ready</th><th scope="col" class="end">Memory</th><th scope="col" class="end">Requests/s</th><th scope="col" class="end">Tokens/s</th><th scope="col" class="end"><abbr title="Time to first token">TTFT</abbr></th><th scope="col"><span class="visually-hidden">Actions</span></th>
              </tr>
            </thead>
            <tbody>
              @for (deployment of deployments.value()!.items; track deployment.id) {
                @let name = names().get(deployment.model_id) ?? deployment.model_id;
                <tr>
                  <td><a [routerLink]="['/models', deployment.model_id]">{{ name }}</a></td>
                  <td><an-state-badge [state]="deployment.state" /> <span class="muted">{{ deployment.detail }}</span></td>
                  <td data-label="Ready">@if (deployment.ready_at) {<an-relative-time [at]="deployment.ready_at" />} @else {–}</td>
                  <td class="end" data-label="Memory">@if (deployment.resident) {{{ deployment.memory_bytes | bytes }}} @else {<span class="muted">not loaded</span>}</td>
                  <td class="end" data-label="Requests/s">{{ deployment.requests_per_second | metric }}</td>
                  <td class="end" data-label="Tokens/s">{{ deployment.tokens_per_second | metric }}</td>
                  <td class="end" data-label="TTFT">@if (deployment.first_token_seconds != null) {{{ deployment.first_token_seconds | metric }} s} @else {–}</td>
                  <td class="end">
                    <a matButton [routerLink]="['/playground']" [queryParams]="{ model: deployment.model_id }" [attr.aria-label]="'Chat with ' + name">Chat</a>
                    <button matButton [attr.aria-pressed]="deployment.pinned" [attr.aria-label]="'Pin ' + name + ' in memory'" (click)="togglePin(deployment)">{{ deployment.pinned ? 'Unpin' : 'Pin' }}</button>
                    <button matButton class="danger-text" [attr.aria-label]="'Undeploy ' + name" (click)="undeploy(deployment)">Undeploy</button>
                  </td>
                </tr>
              }
            </tbody>
          </table>
        </div>
        <an-load-more [query]="deployments" />
      </section>
    }
  `,
})
export class Deployments {
  /** Model names by id. */
  readonly names = input.required<ReadonlyMap<string, string>>();
  private readonly api = inject(InferenceService);
  private readonly notifications = inject(Notifications);
  protected readonly deployments = injectPagedQuery(
    () => ({ key: 'deployments', fetch: (cursor) => this.api.listDeployments({ cursor }) }),
    (page) => (page.items.some((deployment) => deployment.state === 'loading') ? LOADING_POLL_INTERVAL_MS : IDLE_POLL_INTERVAL_MS),
  );

  protected async togglePin(deployment: DeploymentView): Promise<void> {
    const body = { model_id: deployment.model_id, pinned: !deployment.pinned };
    const confirmation = body.pinned ? 'Pinned in memory.' : 'Unpinned. The model can be evicted from memory.';
    await this.notifications.run(() => this.api.createDeployment({ body }), confirmation);
    this.deployments.refetch();
  }

  protected async undeploy(deployment: DeploymentView): Promise<void> {
    const request = () => this.api.deleteDeployment({ deployment_id: deployment.id });
    await this.notifications.run(() => this.deployments.updateOptimistically(withoutItem(deployment.id), request), 'Undeployed. The model loads again on the next request.');
  }
}
