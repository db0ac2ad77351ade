/** The kept conversations: shows one again, or deletes it. */
import { Component, inject } from '@angular/core';
import { MatIconButton } from '@angular/material/button';

import { Icon } from '../elements/icon';
import { Chat } from './chat';
import { titleOf } from './conversation';

@Component({
  selector: 'an-conversations',
  imports: [Icon, MatIconButton],
  template: `
    <ul class="plain-list scroll">
      @for (kept of chat.conversations(); track kept.id) {
        <li class="row">
          <button class="grow entry" type="button" [attr.aria-current]="kept.id === chat.conversation().id ? 'true' : null" (click)="chat.show(kept)">{{ title(kept) }}</button>
          <button matIconButton type="button" [attr.aria-label]="'Delete the conversation ' + title(kept)" (click)="chat.remove(kept)"><an-icon name="trash" /></button>
        </li>
      } @empty {
        <li class="muted">None yet.</li>
      }
    </ul>
  `,
  styleUrl: './side-list.scss',
})
export class ConversationList {
  protected readonly chat = inject(Chat);
  protected readonly title = titleOf;
}
