/** Selected rows by table, kept while other pages are open. */
import { Injectable, signal, Signal, WritableSignal } from '@angular/core';

@Injectable({ providedIn: 'root' })
export class Selections {
  private readonly tables = new Map<string, WritableSignal<ReadonlySet<string>>>();

  of(table: string): Signal<ReadonlySet<string>> {
    return this.writable(table);
  }

  change(table: string, ids: readonly string[], selected: boolean): void {
    this.writable(table).update((before) => {
      const after = new Set(before);
      for (const id of ids) selected ? after.add(id) : after.delete(id);
      return after;
    });
  }

  private writable(table: string): WritableSignal<ReadonlySet<string>> {
    const found = this.tables.get(table) ?? signal<ReadonlySet<string>>(new Set());
    this.tables.set(table, found);
    return found;
  }
}
