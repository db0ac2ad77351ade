/** Signals that survive navigation until the app is reloaded, so that half-entered forms are not lost. */
import { inject, Injectable, signal, WritableSignal } from '@angular/core';

@Injectable({ providedIn: 'root' })
class ViewStateStore {
  readonly signals = new Map<string, WritableSignal<unknown>>();
}

/** The signal stored under `name`, created with `initial` on first use. Call it in an injection context. */
export function viewState<T>(name: string, initial: T): WritableSignal<T> {
  const { signals } = inject(ViewStateStore);
  const state = signals.get(name) ?? signal<unknown>(initial);
  signals.set(name, state);
  return state as WritableSignal<T>;
}
