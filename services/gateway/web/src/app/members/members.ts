/** The members of the session's project with their roles, and the switch to another project. */
import { Component, computed, inject, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';

import { MemberView } from '../api/models';
import { SystemService } from '../api/services';
import { Confirm } from '../elements/confirm';
import { SentenceCasePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { Notifications } from '../platform/notifications';
import { injectQuery } from '../platform/query';
import { injectSession } from '../platform/session';
import { OperatorSection } from './operator-section';

type Role = MemberView['role'];

const ROLES: { name: Role; help: string }[] = [
  { name: 'viewer', help: 'Run inference and view everything' },
  { name: 'member', help: 'Also upload, train, evaluate and export' },
  { name: 'admin', help: 'Also manage members and API keys' },
];

@Component({
  selector: 'an-members',
  imports: [FormsModule, MatButton, MatFormFieldModule, MatInput, OperatorSection, ProblemCard, SentenceCasePipe, Skeleton],
  templateUrl: './members.html',
})
export class Members {
  private readonly system = inject(SystemService);
  private readonly confirm = inject(Confirm);
  private readonly notifications = inject(Notifications);
  protected readonly roles = ROLES;
  private readonly session = injectSession();
  protected readonly projects = injectQuery(() => ({ key: 'projects', fetch: () => this.system.listProjects() }));
  protected readonly project = computed(() => this.session.caller()?.project);
  protected readonly isAdmin = this.session.isAdmin;
  protected readonly isOperator = this.session.isOperator;
  protected readonly members = injectQuery(() => {
    const project = this.project();
    return project ? { key: `members ${project}`, fetch: () => this.system.listMembers({ project }) } : undefined;
  });
  protected readonly user = signal('');
  protected readonly role = signal<Role>('member');
  protected readonly roleHelp = computed(() => ROLES.find((role) => role.name === this.role())?.help);

  /** The page is loaded again: whatever this tab shows belongs to the former project. */
  protected async switchProject(project: string): Promise<void> {
    if (await this.notifications.run(() => this.system.switchProject({ body: { project } }))) location.assign('/ui/');
  }

  protected async setRole(user: string, role: Role): Promise<boolean> {
    const request = () => this.system.setMember({ project: this.project()!, user, body: { role } });
    const done = await this.notifications.run(request, `The role is ${role}.`);
    this.members.refetch();
    return done;
  }

  protected async add(): Promise<void> {
    if (await this.setRole(this.user().trim(), this.role())) this.user.set('');
  }

  protected async remove(member: MemberView): Promise<void> {
    const name = member.email ?? member.user_id;
    const confirmed = await this.confirm.open({ heading: `Remove ${name}?`, text: 'The user loses access to this project, and the API keys that the user created here end.', confirmLabel: 'Remove member' });
    if (!confirmed) return;
    await this.notifications.run(() => this.system.removeMember({ project: this.project()!, user: member.user_id }), 'Member removed.');
    this.members.refetch();
  }
}
