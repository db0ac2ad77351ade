/** Signals persisted in localStorage. */
import { effect, signal, WritableSignal } from '@angular/core';

/** A signal initialized from localStorage under `anneal.<name>` and written back on every change. */
export function storedSignal<T>(name: string, initial: T): WritableSignal<T> {
  const value = signal(readStored(name, initial));
  effect(() => writeStored(name, value()));
  return value;
}

export function readStored<T>(name: string, initial: T): T {
  try {
    const text = localStorage.getItem(`anneal.${name}`);
    return text === null ? initial : (JSON.parse(text) as T);
  } catch {
    return initial;
  }
}

export function writeStored(name: string, value: unknown): void {
  try {
    localStorage.setItem(`anneal.${name}`, JSON.stringify(value));
  } catch {
    // Some private windows have no storage: the value lasts until the page is closed.
  }
}
