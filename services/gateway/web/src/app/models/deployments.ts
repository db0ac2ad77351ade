/** The deployed models: state, memory, throughput and latency. */
import { Component, computed, inject, input } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { RouterLink } from '@angular/router';

import { DeploymentView } from '../api/models';
import { InferenceService } from '../api/services';
import { BulkActions } from '../elements/bulk-actions';
import { formatBytes, formatMetric } from '../elements/format';
import { StateBadge } from '../elements/state-badge';
import { injectList } from '../platform/list';
import { Notifications } from '../platform/notifications';
import { Column, numberColumn, stateColumn, textColumn, timeColumn } from '../table/columns';
import { Table } from '../table/table';

const PAGE_SIZE = 200;
const LOADING_POLL_INTERVAL_MS = 1500;
const IDLE_POLL_INTERVAL_MS = 10_000;

@Component({
  selector: 'an-deployments',
  imports: [MatButton, RouterLink, StateBadge, Table],
  template: `
    @if (deployments.problem() || deployments.items()?.length) {
      <section class="card" aria-labelledby="deployments">
        <h2 id="deployments">Deployments</h2>
        <p class="muted">Rates cover the last minute of the process that responded. Pinned models are never evicted from memory.</p>
        <an-table noun="deployments" prefix="deployment-" [list]="deployments" [columns]="columns()" [searched]="searchedText" searchHint="Search model, ID, state" [selectable]="selectable" defaultSort="">
          <ng-template #bulk let-selected><button matButton class="danger-text" (click)="undeployAll(selected)">Undeploy {{ selected.length }}</button></ng-template>
          <ng-template #cell let-deployment><an-state-badge [state]="deployment.state" /> <span class="muted">{{ deployment.detail }}</span></ng-template>
          <ng-template #actions let-deployment>
            @let name = nameOf(deployment);
            <a matButton [routerLink]="['/playground']" [queryParams]="{ model: deployment.model_id }" [attr.aria-label]="'Chat with ' + name">Chat</a>
            <button matButton [attr.aria-pressed]="deployment.pinned" [attr.aria-label]="'Pin ' + name + ' in memory'" (click)="togglePin(deployment)">{{ deployment.pinned ? 'Unpin' : 'Pin' }}</button>
            <button matButton class="danger-text" [attr.aria-label]="'Undeploy ' + name" (click)="undeploy(deployment)">Undeploy</button>
          </ng-template>
        </an-table>
      </section>
    }
  `,
})
export class Deployments {
  /** Model names by id. */
  readonly names = input.required<ReadonlyMap<string, string>>();
  private readonly api = inject(InferenceService);
  private readonly notifications = inject(Notifications);
  private readonly bulkActions = inject(BulkActions);
  protected readonly selectable = () => true;
  protected readonly nameOf = (deployment: DeploymentView) => this.names().get(deployment.model_id) ?? deployment.model_id;
  protected readonly searchedText = (deployment: DeploymentView) => [this.nameOf(deployment), deployment.model_id, deployment.id, deployment.state, deployment.detail].join(' ');
  protected readonly columns = computed((): Column<DeploymentView>[] => [
    textColumn('model', 'Model', this.nameOf, { link: (deployment) => ['/models', deployment.model_id] }),
    { ...stateColumn<DeploymentView>((deployment) => deployment.state), kind: 'custom' },
    timeColumn('ready', 'Ready', (deployment) => deployment.ready_at),
    numberColumn('memory', 'Memory', (deployment) => (deployment.resident ? deployment.memory_bytes : null), (bytes) => (bytes == null ? 'not loaded' : formatBytes(bytes))),
    numberColumn('requests', 'Requests/s', (deployment) => deployment.requests_per_second),
    numberColumn('tokens', 'Tokens/s', (deployment) => deployment.tokens_per_second),
    numberColumn('first_token', 'Time to first token', (deployment) => deployment.first_token_seconds, (seconds) => (seconds == null ? '–' : `${formatMetric(seconds)} s`)),
  ]);
  protected readonly deployments = injectList<DeploymentView>(
    'deployments',
    (cursor) => this.api.listDeployments({ cursor, limit: PAGE_SIZE }),
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
    if (await this.notifications.run(request, 'Undeployed. The model loads again on the next request.')) this.deployments.remove([deployment.id]);
    this.deployments.refetch();
  }

  protected async undeployAll(deployments: DeploymentView[]): Promise<void> {
    const named = deployments.map((deployment) => ({ id: deployment.id, name: this.nameOf(deployment) }));
    const done = await this.bulkActions.run(named, {
      heading: named.length === 1 ? `Undeploy ${named[0]!.name}?` : `Undeploy ${named.length} models?`,
      text: 'The models load again on the next request.',
      confirmLabel: 'Undeploy',
      done: (count) => (count === 1 ? 'Undeployed.' : `Undeployed ${count} models.`),
      action: (id) => this.api.deleteDeployment({ deployment_id: id }),
    });
    this.deployments.remove(done);
    this.deployments.refetch();
  }
}
