/** The browser sessions of the person who is signed in; each other one can be ended, for example on a lost device. */
import { Component, inject } from '@angular/core';
import { MatButton } from '@angular/material/button';

import { SessionView } from '../api/models';
import { SystemService } from '../api/services';
import { Confirm } from '../elements/confirm';
import { ProblemCard } from '../elements/problem-card';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { Notifications } from '../platform/notifications';
import { withoutItem } from '../platform/paged-query';
import { injectQuery } from '../platform/query';

@Component({
  selector: 'an-sessions',
  imports: [MatButton, ProblemCard, RelativeTime, Skeleton],
  template: `
    <section class="card" aria-labelledby="sessions">
      <h2 id="sessions">Browser sessions</h2>
      <p class="muted">Where you are signed in. Revoke a session that you do not know, or that is on a device you no longer have.</p>
      @if (sessions.problem(); as problem) {
        <an-problem [problem]="problem" [retryable]="true" (retry)="sessions.refetch()" />
      } @else if (sessions.value(); as page) {
        <div class="table-frame">
          <table class="cards">
            <thead><tr><th scope="col">Signed in</th><th scope="col">Project</th><th scope="col">Ends</th><th scope="col">Ends if unused</th><th scope="col"><span class="visually-hidden">Actions</span></th></tr></thead>
            <tbody>
              @for (session of page.items; track session.id) {
                <tr>
                  <td data-label="Signed in"><an-relative-time [at]="session.created_at" />@if (session.current) {&ngsp;<span class="chip accent">This browser</span>}</td>
                  <td data-label="Project">{{ session.project }}</td>
                  <td data-label="Ends">@if (session.expires_at) {<an-relative-time [at]="session.expires_at" />} @else {Never}</td>
                  <td data-label="Ends if unused">@if (session.idle_until) {<an-relative-time [at]="session.idle_until" />} @else {<span class="muted">not used yet</span>}</td>
                  <td class="end">
                    @if (!session.current) {
                      <button matButton class="danger-text" [attr.aria-label]="'Revoke the session of ' + exact(session)" (click)="revoke(session)">Revoke</button>
                    }
                  </td>
                </tr>
              } @empty {
                <tr><td colspan="5" class="muted">No sessions.</td></tr>
              }
            </tbody>
          </table>
        </div>
      } @else {
        <an-skeleton />
      }
    </section>
  `,
})
export class Sessions {
  private readonly system = inject(SystemService);
  private readonly confirm = inject(Confirm);
  private readonly notifications = inject(Notifications);
  protected readonly sessions = injectQuery(() => ({ key: 'sessions', fetch: () => this.system.listSessions() }));

  protected exact(session: SessionView): string {
    return new Date(session.created_at).toLocaleString();
  }

  protected async revoke(session: SessionView): Promise<void> {
    const confirmed = await this.confirm.open({
      heading: 'Revoke this session?',
      text: `The browser that signed in on ${this.exact(session)} is signed out at once. Sign-in links that it created end too.`,
      confirmLabel: 'Revoke session',
    });
    if (confirmed) await this.notifications.run(() => this.sessions.updateOptimistically(withoutItem(session.id), () => this.system.endSession({ session_id: session.id })), 'Session revoked.');
  }
}
