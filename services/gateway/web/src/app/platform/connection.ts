/** Whether the platform answers and knows us; while it does not, it is asked again until it does. */
import { Injectable, signal } from '@angular/core';

const RETRY_MS = 1500;

@Injectable({ providedIn: 'root' })
export class Connection {
  /** True while nothing comes back. */
  readonly away = signal(false);
  /** True once an answer said that we are not signed in. */
  readonly signedOut = signal(false);
  /** Grows each time that what was loaded should be loaded again. */
  readonly round = signal(0);

  /** Whether anything comes back. */
  async answers(): Promise<boolean> {
    const response = await fetch('/healthz', { cache: 'no-store' }).catch(() => undefined);
    return response?.ok ?? false;
  }

  lost(): void {
    if (this.away()) return;
    this.away.set(true);
    this.ask();
  }

  /** After a sign-in in another tab, or when the user says so. */
  async retry(): Promise<void> {
    const response = await fetch('/auth/session').catch(() => undefined);
    if (!response) return this.lost();
    if (response.ok) {
      this.signedOut.set(false);
      this.round.update((round) => round + 1);
    }
  }

  private ask(): void {
    setTimeout(async () => {
      if (!(await this.answers())) return this.ask();
      this.away.set(false);
      this.round.update((round) => round + 1);
    }, RETRY_MS);
  }
}
