/** Signals that outlive their page, until the app is loaded anew: what was half entered is there on the way back. */
import { inject, Injectable, signal, WritableSignal } from '@angular/core';

@Injectable({ providedIn: 'root' })
class Kept {
  readonly signals = new Map<string, WritableSignal<unknown>>();
}

/** The signal `name` of this visit, made with `initial` the first time. Call it where injection is possible. */
export function kept<T>(name: string, initial: T): WritableSignal<T> {
  const { signals } = inject(Kept);
  const found = signals.get(name) ?? signal<unknown>(initial);
  signals.set(name, found);
  return found as WritableSignal<T>;
}
