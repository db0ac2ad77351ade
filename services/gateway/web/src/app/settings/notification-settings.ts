/** Whether this browser notifies its user when a job ends. */
import { Component, inject } from '@angular/core';

import { JobNotifications } from '../shell/job-notifications';

@Component({
  selector: 'an-notification-settings',
  template: `
    <section class="card" aria-labelledby="notifications">
      <h2 id="notifications">Notifications</h2>
      <label class="row"><input type="checkbox" [checked]="notifications.wanted()" [disabled]="blocked()" (change)="notifications.turn($any($event.target).checked)" /><span>Notify me in this browser when a job ends</span></label>
      @if (blocked()) {
        <p class="muted">{{ notifications.permission() === 'denied' ? 'This browser blocks notifications of this site; its site settings can allow them.' : 'This browser has no notifications here: they need https, or this machine’s own address.' }}</p>
      } @else {
        <p class="muted">As long as a tab of the app is open.</p>
      }
    </section>
  `,
})
export class NotificationSettings {
  protected readonly notifications = inject(JobNotifications);
  protected readonly blocked = () => ['denied', 'unsupported'].includes(this.notifications.permission());
}
