/** Views of a table that this browser has saved under names: each is an address. */
import { Component, computed, inject, input, signal } from '@angular/core';
import { MatButton, MatIconButton } from '@angular/material/button';
import { Router, RouterLink } from '@angular/router';

import { Icon } from '../elements/icon';
import { storedSignal } from '../platform/storage';

interface View {
  name: string;
  params: Record<string, string>;
}

@Component({
  selector: 'an-saved-views',
  imports: [Icon, MatButton, MatIconButton, RouterLink],
  template: `
    <details>
      <summary>Views</summary>
      <div class="row">
        @for (view of views(); track view.name) {
          <span class="nowrap">
            <a [routerLink]="[]" [queryParams]="view.params">{{ view.name }}</a>
            <button matIconButton [attr.aria-label]="'Delete the view ' + view.name" (click)="remove(view.name)"><an-icon name="close" /></button>
          </span>
        }
        <form class="row" (submit)="save($event)">
          <input maxlength="60" aria-label="Name of the view" placeholder="Name" [value]="name()" (input)="name.set($any($event.target).value)" />
          <button matButton [disabled]="!name().trim()">Save this view</button>
          <span class="muted">In this browser; the address shares it.</span>
        </form>
      </div>
    </details>
  `,
  styles: `
    input { font: inherit; box-sizing: border-box; height: 2.25rem; padding: 0.3rem 0.6rem; color: inherit; background: var(--surface); border: 1px solid var(--border-strong); border-radius: var(--radius); }
  `,
})
export class SavedViews {
  readonly table = input.required<string>();
  private readonly router = inject(Router);
  private readonly all = storedSignal<Record<string, View[]>>('views', {});
  protected readonly name = signal('');
  protected readonly views = computed(() => this.all()[this.table()] ?? []);

  protected save(event: Event): void {
    event.preventDefault();
    const { page: _, ...params } = this.router.parseUrl(this.router.url).queryParams as Record<string, string>;
    const name = this.name().trim();
    this.keep([...this.views().filter((view) => view.name !== name), { name, params }]);
    this.name.set('');
  }

  protected remove(name: string): void {
    this.keep(this.views().filter((view) => view.name !== name));
  }

  private keep(views: View[]): void {
    this.all.update((all) => ({ ...all, [this.table()]: views }));
  }
}
