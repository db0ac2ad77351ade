/** Signals that outlive the page, in this browser's storage. */
import { effect, signal, WritableSignal } from '@angular/core';

/** A signal that starts with what was stored under `anneal.<name>` and is stored on every change. */
export function remembered<T>(name: string, initial: T): WritableSignal<T> {
  const value = signal(read(name, initial));
  effect(() => write(name, value()));
  return value;
}

export function read<T>(name: string, initial: T): T {
  try {
    const text = localStorage.getItem(`anneal.${name}`);
    return text === null ? initial : (JSON.parse(text) as T);
  } catch {
    return initial;
  }
}

export function write(name: string, value: unknown): void {
  try {
    localStorage.setItem(`anneal.${name}`, JSON.stringify(value));
  } catch {
    // A private window without storage: it lasts as long as the page.
  }
}
