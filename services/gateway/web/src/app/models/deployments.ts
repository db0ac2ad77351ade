/** Which models are in memory and answer at once, and which are on their way there. */
import { Component, inject, input } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { RouterLink } from '@angular/router';

import { DeploymentView } from '../api/models';
import { InferenceService } from '../api/services';
import { Moment } from '../elements/moment';
import { More } from '../elements/more';
import { FigurePipe, SizePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { State } from '../elements/state';
import { Notices } from '../platform/notices';
import { pages, without } from '../platform/pages';

const LOADING_MS = 1500;
const IDLE_MS = 10_000;

@Component({
  selector: 'an-deployments',
  imports: [FigurePipe, MatButton, Moment, More, ProblemCard, RouterLink, SizePipe, State],
  template: `
    @if (page.problem(); as problem) {
      <an-problem [problem]="problem" [retryable]="true" (retry)="page.reload()" />
    }
    @if (page.value()?.items?.length) {
      <section class="card" aria-labelledby="deployments">
        <h2 id="deployments">Deployed</h2>
        <p class="muted">Rates are of the last minute, of the process that answered. A pinned model is never unloaded to make room.</p>
        <div class="table-frame">
          <table class="cards">
            <thead>
              <tr>
                <th scope="col">Model</th><th scope="col">State</th><th scope="col">Ready</th><th scope="col" class="end">Memory</th><th scope="col" class="end">Requests/s</th><th scope="col" class="end">Tokens/s</th><th scope="col" class="end">First token</th><th scope="col"><span class="visually-hidden">Do</span></th>
              </tr>
            </thead>
            <tbody>
              @for (deployment of page.value()!.items; track deployment.id) {
                @let name = names().get(deployment.model_id) ?? deployment.model_id;
                <tr>
                  <td><a [routerLink]="['/models', deployment.model_id]">{{ name }}</a></td>
                  <td><an-state [state]="deployment.state" /> <span class="muted">{{ deployment.detail }}</span></td>
                  <td data-label="Ready">@if (deployment.ready_at) {<an-moment [at]="deployment.ready_at" />} @else {–}</td>
                  <td class="end" data-label="Memory">@if (deployment.resident) {{{ deployment.memory_bytes | size }}} @else {<span class="muted">not loaded</span>}</td>
                  <td class="end" data-label="Requests/s">{{ deployment.requests_per_second | figure }}</td>
                  <td class="end" data-label="Tokens/s">{{ deployment.tokens_per_second | figure }}</td>
                  <td class="end" data-label="First token">@if (deployment.first_token_seconds != null) {{{ deployment.first_token_seconds | figure }} s} @else {–}</td>
                  <td class="end">
                    <a matButton [routerLink]="['/playground']" [queryParams]="{ model: deployment.model_id }" [attr.aria-label]="'Chat with ' + name">Chat</a>
                    <button matButton [attr.aria-pressed]="deployment.pinned" [attr.aria-label]="'Keep ' + name + ' in memory'" (click)="pin(deployment)">{{ deployment.pinned ? 'Unpin' : 'Pin' }}</button>
                    <button matButton class="danger-text" [attr.aria-label]="'Undeploy ' + name" (click)="remove(deployment)">Undeploy</button>
                  </td>
                </tr>
              }
            </tbody>
          </table>
        </div>
        <an-more [of]="page" />
      </section>
    }
  `,
})
export class Deployments {
  /** What models are called, by id. */
  readonly names = input.required<ReadonlyMap<string, string>>();
  private readonly api = inject(InferenceService);
  private readonly notices = inject(Notices);
  protected readonly page = pages(
    () => ({ key: 'deployments', fetch: (cursor) => this.api.listDeployments({ cursor }) }),
    (page) => (page.items.some((deployment) => deployment.state === 'loading') ? LOADING_MS : IDLE_MS),
  );

  protected async pin(deployment: DeploymentView): Promise<void> {
    const body = { model_id: deployment.model_id, pinned: !deployment.pinned };
    const said = body.pinned ? 'It stays in memory.' : 'It may be unloaded to make room.';
    await this.notices.attempt(() => this.api.createDeployment({ body }), said);
    this.page.reload();
  }

  protected async remove(deployment: DeploymentView): Promise<void> {
    const work = () => this.api.deleteDeployment({ deployment_id: deployment.id });
    await this.notices.attempt(() => this.page.foresee(without(deployment.id), work), 'It leaves memory; it is loaded again when it is asked.');
  }
}
