/** How to sign in. The page behind it is removed; forms that keep their state (view-state.ts) still have it afterwards. */
import { Component, DestroyRef, inject, signal } from '@angular/core';
import { MatButton } from '@angular/material/button';

import { SystemService } from '../api/services';
import { Connection } from '../platform/connection';

@Component({
  selector: 'an-signed-out',
  imports: [MatButton],
  template: `
    <section class="card narrow" aria-labelledby="signed-out">
      <h1 id="signed-out">{{ oidc() ? 'Sign in' : 'Sign in with a link' }}</h1>
      @if (oidc()) {
        <p><a matButton="filled" [href]="signInUrl">Sign in with your organization</a></p>
        <h2>Or sign in with a link</h2>
      }
      <p>This browser is not signed in. Anneal has no passwords. Instead, it issues single-use links that each sign in one browser.</p>
      <ol>
        <li>On the machine that runs Anneal, run <code>anneal link</code>, or use the link that <code>make up</code> printed.</li>
        <li>Open the link in this browser. The session lasts for days; you can sign out in Settings.</li>
      </ol>
      <p class="muted">No access to that machine? Ask an administrator for a link.</p>
      <button matButton="filled" (click)="connection.checkSession()">I opened the link</button>
    </section>
  `,
})
export class SignedOut {
  protected readonly connection = inject(Connection);
  protected readonly signInUrl = `/auth/oidc/sign-in?next=${encodeURIComponent(location.pathname)}`;
  /** Whether an identity provider is configured. */
  protected readonly oidc = signal(false);

  constructor() {
    void inject(SystemService).showSignInMethods().then((methods) => this.oidc.set(methods.oidc), () => undefined);
    // The link opens in another tab; returning to this one is enough.
    const checkSession = () => void this.connection.checkSession();
    addEventListener('focus', checkSession);
    inject(DestroyRef).onDestroy(() => removeEventListener('focus', checkSession));
  }
}
