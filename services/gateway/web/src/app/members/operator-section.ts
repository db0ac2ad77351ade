/** What only the operator does: create projects, and disable users everywhere. */
import { Component, inject, output, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';

import { UserView } from '../api/models';
import { SystemService } from '../api/services';
import { Confirm } from '../elements/confirm';
import { injectList } from '../platform/list';
import { Notifications } from '../platform/notifications';
import { injectEmit } from '../platform/output';
import { Column, stateColumn, textColumn, timeColumn } from '../table/columns';
import { Table } from '../table/table';

const PAGE_SIZE = 200;
const COLUMNS: Column<UserView>[] = [
  textColumn('user', 'User', (user) => user.email ?? user.name ?? user.id),
  stateColumn((user) => (user.disabled_at ? 'disabled' : 'enabled')),
  timeColumn('signed_in', 'Last sign-in', (user) => user.signed_in_at),
];

@Component({
  selector: 'an-operator-section',
  imports: [FormsModule, MatButton, MatFormFieldModule, MatInput, Table],
  template: `
    <section class="card stack" aria-labelledby="projects">
      <h2 id="projects">New project</h2>
      <form class="stack tight" (ngSubmit)="create()">
        <div class="fields">
          <mat-form-field appearance="outline" subscriptSizing="dynamic">
            <mat-label>Project name</mat-label>
            <input matInput name="project" maxlength="39" [ngModel]="name()" (ngModelChange)="name.set($event)" />
            <mat-hint>Lower-case letters, digits and hyphens</mat-hint>
          </mat-form-field>
        </div>
        <div><button matButton="filled" [disabled]="!name().trim()">Create project</button></div>
      </form>
    </section>
    <section class="card" aria-labelledby="users">
      <h2 id="users">Users</h2>
      <an-table noun="users" prefix="user-" [list]="users" [columns]="columns" [searched]="searchedText" searchHint="Search e-mail address, name, ID" defaultSort="-signed_in">
        <ng-template #actions let-user>
          <button matButton [class.danger-text]="!user.disabled_at" [attr.aria-label]="(user.disabled_at ? 'Enable ' : 'Disable ') + (user.email ?? user.id)" (click)="toggle(user)">{{ user.disabled_at ? 'Enable' : 'Disable' }}</button>
        </ng-template>
        <p class="muted" empty>No user has signed in with an identity provider yet.</p>
      </an-table>
    </section>
  `,
  styles: `:host { display: grid; gap: 1.1rem; margin-top: 1.1rem; }`,
})
export class OperatorSection {
  readonly created = output();
  private readonly emitCreated = injectEmit(this.created);
  private readonly system = inject(SystemService);
  private readonly confirm = inject(Confirm);
  private readonly notifications = inject(Notifications);
  protected readonly columns = COLUMNS;
  protected readonly name = signal('');
  protected readonly searchedText = (user: UserView) => [user.email, user.name, user.id].join(' ');
  protected readonly users = injectList<UserView>('users', (cursor) => this.system.listUsers({ cursor, limit: PAGE_SIZE }));

  protected async create(): Promise<void> {
    const id = this.name().trim();
    if (!(await this.notifications.run(() => this.system.createProject({ body: { id } }), `The project ${id} exists. Switch to it at the top of this page.`))) return;
    this.name.set('');
    this.emitCreated();
  }

  protected async toggle(user: UserView): Promise<void> {
    const params = { user_id: user.id };
    if (user.disabled_at) await this.notifications.run(() => this.system.enableUser(params), 'The user is enabled.');
    else {
      const confirmed = await this.confirm.open({ heading: `Disable ${user.email ?? user.id}?`, text: 'The sessions and API keys of the user end in all projects.', confirmLabel: 'Disable user' });
      if (confirmed) await this.notifications.run(() => this.system.disableUser(params), 'The user is disabled.');
    }
    this.users.refetch();
  }
}
