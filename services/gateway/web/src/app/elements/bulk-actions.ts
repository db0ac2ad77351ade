/** One action on several resources: confirmed once, with what depends on them; one failure does not stop the others. */
import { inject, Injectable } from '@angular/core';

import { Lineage, Node } from '../api/models';
import { SystemService } from '../api/services';
import { Notifications } from '../platform/notifications';
import { toProblem } from '../platform/problem';
import { Confirm, Confirmation } from './confirm';

export interface Named {
  id: string;
  name: string;
}

export interface BulkAction extends Omit<Confirmation, 'consequences'> {
  /** The message when `count` of them are done. */
  done: (count: number) => string;
  action: (id: string) => Promise<unknown>;
}

export interface Deletion {
  /** What is deleted, in the singular: `dataset`. */
  noun: string;
  /** What becomes of what depends on it. */
  text: string;
  action: (id: string) => Promise<unknown>;
}

const SHOWN_NAMES = 8;
/** Whose dependants are looked up before a deletion. */
const MAX_LOOKED_UP = 20;

@Injectable({ providedIn: 'root' })
export class BulkActions {
  private readonly system = inject(SystemService);
  private readonly confirm = inject(Confirm);
  private readonly notifications = inject(Notifications);

  /** Returns the ids of those that the action succeeded on; none if the user did not confirm. */
  async run(items: readonly Named[], action: BulkAction, dependants: readonly string[] = []): Promise<string[]> {
    const consequences = [...(items.length > 1 ? shorten(items.map((item) => item.name)) : []), ...dependants];
    if (!(await this.confirm.open({ ...action, consequences }))) return [];
    const done: string[] = [];
    const failures: { item: Named; failure: unknown }[] = [];
    // One after another: hundreds of requests at once would be refused.
    for (const item of items) {
      await action.action(item.id).then(() => done.push(item.id), (failure: unknown) => failures.push({ item, failure }));
    }
    const [first] = failures;
    if (!first) this.notifications.confirm(action.done(done.length));
    else {
      const problem = toProblem(first.failure);
      this.notifications.showProblem({ ...problem, detail: `Done for ${done.length} of ${items.length}. ${first.item.name}: ${problem.detail}` });
    }
    return done;
  }

  /** Deletes, after showing what was made from the resources and still exists. Returns the ids of the deleted ones. */
  async delete(items: readonly Named[], { noun, text, action }: Deletion): Promise<string[]> {
    const dependants = await this.dependants(items);
    const [only] = items.length === 1 ? items : [];
    return this.run(items, {
      heading: only ? `Delete ${only.name}?` : `Delete ${items.length} ${noun}s?`,
      text,
      confirmLabel: only ? `Delete ${noun}` : `Delete ${noun}s`,
      done: (count) => (only ? `Deleted ${only.name}.` : `Deleted ${count} ${noun}s.`),
      action,
    }, dependants);
  }

  private async dependants(items: readonly Named[]): Promise<string[]> {
    const found = await Promise.all(items.slice(0, MAX_LOOKED_UP).map(({ id }) => this.system.showLineage({ id }).then(dependantsOf, () => [])));
    const nodes = new Map(found.flat().map((node) => [node.key, node]));
    for (const { id } of items) for (const [key, node] of nodes) if (node.id.split('@')[0] === id) nodes.delete(key);
    const lines = [...nodes.values()].map((node) => `Used by ${node.kind.replaceAll('_', ' ')} ${node.name ?? node.id}`);
    return [...shorten(lines), ...(items.length > MAX_LOOKED_UP ? [`What was made from the first ${MAX_LOOKED_UP} is listed.`] : [])];
  }
}

/** The nodes that were made from the lineage's own, directly or not, and still exist. */
export function dependantsOf(lineage: Lineage): Node[] {
  const reached = new Set([lineage.key]);
  for (const key of reached) {
    for (const edge of lineage.edges) if (edge.source === key) reached.add(edge.target);
  }
  reached.delete(lineage.key);
  return lineage.nodes.filter((node) => reached.has(node.key) && node.state !== 'deleted');
}

function shorten(lines: string[]): string[] {
  return lines.length > SHOWN_NAMES ? [...lines.slice(0, SHOWN_NAMES), `and ${lines.length - SHOWN_NAMES} more`] : lines;
}
