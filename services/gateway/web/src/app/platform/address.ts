/** The view of a page in its address: read as a signal, changed without a new entry in the browser's history. */
import { inject, Injectable, Signal } from '@angular/core';
import { toSignal } from '@angular/core/rxjs-interop';
import { ActivatedRoute, ParamMap, Router } from '@angular/router';

@Injectable({ providedIn: 'root' })
class Navigations {
  private readonly router = inject(Router);
  private last: Promise<unknown> = Promise.resolve();

  /** One after another: a navigation that begins during another one would drop its changes. */
  merge(queryParams: Record<string, string | null>): void {
    this.last = this.last.then(() => this.router.navigate([], { queryParams, queryParamsHandling: 'merge', replaceUrl: true, scroll: 'manual' }));
  }
}

export interface Address {
  readonly params: Signal<ParamMap>;
  /** Changes the given parameters; null removes one. */
  show(changes: Record<string, string | null>): void;
}

/** Call it in an injection context. */
export function injectAddress(): Address {
  const route = inject(ActivatedRoute);
  const navigations = inject(Navigations);
  return { params: toSignal(route.queryParamMap, { initialValue: route.snapshot.queryParamMap }), show: (changes) => navigations.merge(changes) };
}
