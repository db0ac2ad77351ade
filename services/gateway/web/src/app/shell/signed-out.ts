/** Nobody is signed in here: how to get a link. The page behind stays as it was. */
import { Component, DestroyRef, inject } from '@angular/core';
import { MatButton } from '@angular/material/button';

import { Connection } from '../platform/connection';

@Component({
  selector: 'an-signed-out',
  imports: [MatButton],
  template: `
    <section class="card narrow" aria-labelledby="signed-out">
      <h1 id="signed-out">Sign in with a link</h1>
      <p>This browser is not signed in. Anneal has no passwords: the platform prints a link that signs one browser in, once.</p>
      <ol>
        <li>On the machine where Anneal runs, enter <code>anneal link</code> (or look at the output of <code>make up</code>).</li>
        <li>Open the link in this browser. A session lasts for days, and you can end it in the settings.</li>
      </ol>
      <p class="muted">On another machine, an administrator can make a link for you.</p>
      <button matButton="filled" (click)="connection.retry()">I have opened the link</button>
    </section>
  `,
})
export class SignedOut {
  protected readonly connection = inject(Connection);

  constructor() {
    // The link opens in another tab; coming back here is enough.
    const look = () => void this.connection.retry();
    addEventListener('focus', look);
    inject(DestroyRef).onDestroy(() => removeEventListener('focus', look));
  }
}
