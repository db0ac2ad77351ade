/** Who changed an alias: names instead of ids, as far as the person at the page may read them. */
import { computed, inject } from '@angular/core';

import { SystemService } from '../api/services';
import { fetchAllPages } from '../platform/paged-query';
import { injectQuery } from '../platform/query';
import { injectSession } from '../platform/session';

const SERVICES: Record<string, string> = {
  operator: 'Operator',
  'anneal/inference': 'The suite alone',
  'anneal/training': 'A training job',
};

export interface ActorNames {
  nameOf(actor: string): string;
}

/** Keys and members are read by admins only; others see ids. Call it in an injection context. */
export function injectActorNames(): ActorNames {
  const system = inject(SystemService);
  const { caller, isAdmin } = injectSession();
  const keys = injectQuery(() => (isAdmin() ? { key: 'keys', fetch: () => fetchAllPages((cursor) => system.listKeys({ limit: 200, cursor })) } : undefined));
  const members = injectQuery(() => {
    const project = isAdmin() && caller()?.project;
    return project ? { key: `members ${project}`, fetch: () => system.listMembers({ project }) } : undefined;
  });
  const names = computed(() => {
    const found = new Map(Object.entries(SERVICES));
    for (const key of keys.value()?.items ?? []) found.set(key.id, `Key “${key.name}”`);
    for (const member of members.value()?.items ?? []) found.set(member.user_id, member.email ?? member.name ?? member.user_id);
    const own = caller();
    if (own?.name) found.set(own.subject, own.name);
    return found;
  });
  return { nameOf: (actor) => names().get(actor) ?? actor };
}
