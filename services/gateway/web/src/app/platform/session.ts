/** Who is signed in, in which project, and with which rights. */
import { computed, inject, Signal } from '@angular/core';

import { CallerView } from '../api/models';
import { SystemService } from '../api/services';
import { injectQuery } from './query';

export interface Session {
  readonly caller: Signal<CallerView | undefined>;
  readonly isAdmin: Signal<boolean>;
  /** Of the whole platform, not of a project. */
  readonly isOperator: Signal<boolean>;
}

/** Call it in an injection context. */
export function injectSession(): Session {
  const system = inject(SystemService);
  const query = injectQuery(() => ({ key: 'session', fetch: () => system.showSession() }));
  const has = (...wanted: string[]) => query.value()?.scopes.some((scope) => wanted.includes(scope)) ?? false;
  return { caller: query.value, isAdmin: computed(() => has('admin', '*')), isOperator: computed(() => has('*')) };
}
