/** Answers of the platform as signals: kept while a newer one is fetched, kept across pages, asked again on a beat. */
import { DestroyRef, effect, inject, Injectable, signal, Signal, untracked } from '@angular/core';

import { Connection } from './connection';
import { Problem, problemOf } from './problem';

/** What one place of the app knows. `value` stays while a newer one is fetched, so that nothing jumps. */
export interface Loaded<T> {
  readonly value: Signal<T | undefined>;
  readonly problem: Signal<Problem | undefined>;
  readonly loading: Signal<boolean>;
  reload(): void;
  set(value: T): void;
  /** Shows `change` of what is known at once while `work` runs; if it fails, what was before. Then looks again. */
  foresee(change: (known: T) => T, work: () => Promise<unknown>): Promise<void>;
}

export interface Request<T> {
  /** Names what is asked: the same key shows the same last answer at once. */
  key: string;
  fetch: () => Promise<T>;
}

@Injectable({ providedIn: 'root' })
class Answers {
  readonly known = new Map<string, unknown>();
}

const BUSY_MS = 3000;

/** 503 says of itself that it passes. */
function whileBusy(problem: Problem): number | null {
  return problem.status === 503 ? BUSY_MS : null;
}

/**
 * Loads what `request` describes, again whenever the signals that it reads change, and after `beat(value)` or
 * `again(problem)` milliseconds as long as that is not null. Call it where injection is possible.
 */
export function load<T>(request: () => Request<T> | undefined, beat: (value: T) => number | null = () => null, again = whileBusy): Loaded<T> {
  const answers = inject(Answers).known;
  const connection = inject(Connection);
  const value = signal<T | undefined>(undefined);
  const problem = signal<Problem | undefined>(undefined);
  const loading = signal(false);
  const wish = signal(0);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let turn = 0;
  let key: string | undefined;

  async function ask(asked: Request<T>, mine: number): Promise<void> {
    loading.set(true);
    try {
      const answer = await asked.fetch();
      if (mine !== turn) return;
      answers.set(asked.key, answer);
      value.set(answer);
      problem.set(undefined);
      next(asked, beat(answer), mine);
    } catch (failure) {
      if (mine !== turn) return;
      const found = problemOf(failure);
      problem.set(found);
      next(asked, again(found), mine);
    } finally {
      if (mine === turn) loading.set(false);
    }
  }

  function next(asked: Request<T>, pause: number | null, mine: number): void {
    if (pause === null) return;
    timer = setTimeout(() => (document.hidden ? next(asked, pause, mine) : void ask(asked, mine)), pause);
  }

  effect(() => {
    const asked = request();
    wish();
    connection.round();
    clearTimeout(timer);
    const mine = ++turn;
    untracked(() => {
      if (!asked) return loading.set(false);
      if (asked.key !== key) value.set(answers.get((key = asked.key)) as T | undefined);
      if (connection.signedOut()) return;
      void ask(asked, mine);
    });
  });
  inject(DestroyRef).onDestroy(() => {
    turn++;
    clearTimeout(timer);
  });
  const reload = () => wish.update((count) => count + 1);
  const set = (known: T) => {
    value.set(known);
    if (key) answers.set(key, known);
  };
  async function foresee(change: (known: T) => T, work: () => Promise<unknown>): Promise<void> {
    const before = untracked(value);
    turn++; // an answer under way would show what was before
    clearTimeout(timer);
    if (before !== undefined) set(change(before));
    try {
      await work();
    } catch (failure) {
      if (before !== undefined) set(before);
      throw failure;
    } finally {
      reload();
    }
  }

  return { value, problem, loading, reload, set, foresee };
}
