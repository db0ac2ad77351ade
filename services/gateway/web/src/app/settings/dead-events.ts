/** Events that a room gave up on: why, and the way back into its queue. Nothing is shown while there are none. */
import { Component, inject } from '@angular/core';
import { MatButton } from '@angular/material/button';

import { DeadLetterView } from '../api/models';
import { SystemService } from '../api/services';
import { Moment } from '../elements/moment';
import { load } from '../platform/load';
import { Notices } from '../platform/notices';

@Component({
  selector: 'an-dead-events',
  imports: [MatButton, Moment],
  template: `
    @if (letters.value()?.total) {
      <section class="card" aria-labelledby="dead">
        <h2 id="dead">Events that could not be handled</h2>
        <p class="muted">Once their cause is gone, they can be handled again.</p>
        <div class="table-frame">
          <table class="cards">
            <thead><tr><th scope="col">Event</th><th scope="col">Room</th><th scope="col">Reason</th><th scope="col">Stated</th><th scope="col"><span class="visually-hidden">Do</span></th></tr></thead>
            <tbody>
              @for (letter of letters.value()!.items; track letter.id) {
                <tr>
                  <td>{{ letter.type }} <code>{{ letter.subject }}</code></td>
                  <td data-label="Room">{{ letter.room }}</td>
                  <td data-label="Reason">{{ letter.reason }}</td>
                  <td data-label="Stated"><an-moment [at]="letter.time" /></td>
                  <td class="end"><button matButton [attr.aria-label]="'Handle ' + letter.type + ' of ' + letter.subject + ' again'" (click)="replay(letter)">Handle again</button></td>
                </tr>
              }
            </tbody>
          </table>
        </div>
      </section>
    }
  `,
})
export class DeadEvents {
  private readonly system = inject(SystemService);
  private readonly notices = inject(Notices);
  protected readonly letters = load(() => ({ key: 'dead', fetch: () => this.system.listDeadEvents({ limit: 100 }) }));

  protected async replay(letter: DeadLetterView): Promise<void> {
    const work = () => this.system.replayDeadEvent({ letter_id: letter.id });
    const change = (known: { items: DeadLetterView[]; total: number }) => ({ items: known.items.filter((one) => one.id !== letter.id), total: known.total - 1 });
    await this.notices.attempt(() => this.letters.foresee(change, work), 'It is back in its queue.');
  }
}
