/** Whether the platform is reachable and this browser is signed in. While offline, it polls until the platform responds. */
import { Injectable, signal } from '@angular/core';

const RECONNECT_DELAY_MS = 1500;
/** How long a page may be without a response before it asks for one. */
const IDLE_MS = 15_000;

@Injectable({ providedIn: 'root' })
export class Connection {
  /** True while the platform does not respond. */
  readonly offline = signal(false);
  /** True after a response with status 401. */
  readonly signedOut = signal(false);
  /** The project that this tab shows. Requests name it, so that a switch in another tab cannot redirect them. */
  readonly project = signal<string | undefined>(undefined);
  /** Incremented when every query should refetch: after a reconnect or a sign-in. */
  readonly refetchCount = signal(0);

  private lastResponse = Date.now();

  /** Notes a response of the platform. */
  markReached(): void {
    this.lastResponse = Date.now();
  }

  /** Checks the platform also while the page requests nothing, and at once when the network goes or the tab comes back. */
  watch(): void {
    const check = async () => {
      if (document.hidden || this.offline() || Date.now() - this.lastResponse < IDLE_MS) return;
      if (await this.isReachable()) this.markReached();
      else this.markOffline();
    };
    setInterval(() => void check(), IDLE_MS / 3);
    document.addEventListener('visibilitychange', () => void check());
    addEventListener('offline', () => void this.isReachable().then((reachable) => reachable || this.markOffline()));
  }

  async isReachable(): Promise<boolean> {
    const response = await fetch('/healthz', { cache: 'no-store' }).catch(() => undefined);
    return response?.ok ?? false;
  }

  markOffline(): void {
    if (this.offline()) return;
    this.offline.set(true);
    this.scheduleReconnect();
  }

  /** Checks for a session: after a sign-in in another tab, or when the user asks. */
  async checkSession(): Promise<void> {
    const response = await fetch('/auth/session').catch(() => undefined);
    if (!response) return this.markOffline();
    if (response.ok) {
      this.project.set(((await response.json()) as { project: string }).project);
      this.signedOut.set(false);
      this.refetchAll();
    }
  }

  private scheduleReconnect(): void {
    setTimeout(async () => {
      if (!(await this.isReachable())) return this.scheduleReconnect();
      this.offline.set(false);
      this.refetchAll();
    }, RECONNECT_DELAY_MS);
  }

  private refetchAll(): void {
    this.refetchCount.update((count) => count + 1);
  }
}
