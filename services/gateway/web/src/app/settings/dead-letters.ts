/** The dead-letter queue: events that a service failed to process, with retry. Hidden while the queue is empty. */
import { Component, inject } from '@angular/core';
import { MatButton } from '@angular/material/button';

import { DeadLetterView } from '../api/models';
import { SystemService } from '../api/services';
import { RelativeTime } from '../elements/relative-time';
import { Notifications } from '../platform/notifications';
import { injectQuery } from '../platform/query';

@Component({
  selector: 'an-dead-letters',
  imports: [MatButton, RelativeTime],
  template: `
    @if (letters.value()?.total) {
      <section class="card" aria-labelledby="dead-letters">
        <h2 id="dead-letters">Dead-letter queue</h2>
        <p class="muted">Events that a service failed to process. Fix the cause, then retry them.</p>
        <div class="table-frame">
          <table class="cards">
            <thead><tr><th scope="col">Event</th><th scope="col">Service</th><th scope="col">Reason</th><th scope="col">Published</th><th scope="col"><span class="visually-hidden">Actions</span></th></tr></thead>
            <tbody>
              @for (letter of letters.value()!.items; track letter.id) {
                <tr>
                  <td>{{ letter.type }} <code>{{ letter.subject }}</code></td>
                  <td data-label="Service">{{ letter.room }}</td>
                  <td data-label="Reason">{{ letter.reason }}</td>
                  <td data-label="Published"><an-relative-time [at]="letter.time" /></td>
                  <td class="end"><button matButton [attr.aria-label]="'Retry ' + letter.type + ' for ' + letter.subject" (click)="retry(letter)">Retry</button></td>
                </tr>
              }
            </tbody>
          </table>
        </div>
      </section>
    }
  `,
})
export class DeadLetters {
  private readonly system = inject(SystemService);
  private readonly notifications = inject(Notifications);
  protected readonly letters = injectQuery(() => ({ key: 'dead', fetch: () => this.system.listDeadEvents({ limit: 100 }) }));

  protected async retry(letter: DeadLetterView): Promise<void> {
    const request = () => this.system.replayDeadEvent({ letter_id: letter.id });
    const remove = (queue: { items: DeadLetterView[]; total: number }) => ({ items: queue.items.filter((other) => other.id !== letter.id), total: queue.total - 1 });
    await this.notifications.run(() => this.letters.updateOptimistically(remove, request), 'Event queued again.');
  }
}
