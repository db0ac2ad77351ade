/** The audit log: who did what, on what, from where, with which outcome; filters and a download. */
import { Component, computed, inject } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';

import { SystemService } from '../api/services';
import { Icon } from '../elements/icon';
import { LoadMore } from '../elements/load-more';
import { ProblemCard } from '../elements/problem-card';
import { RelativeTime } from '../elements/relative-time';
import { Skeleton } from '../elements/skeleton';
import { injectPagedQuery } from '../platform/paged-query';
import { viewState } from '../platform/view-state';

@Component({
  selector: 'an-audit',
  imports: [FormsModule, Icon, LoadMore, MatButton, MatFormFieldModule, MatInput, ProblemCard, RelativeTime, Skeleton],
  templateUrl: './audit.html',
})
export class Audit {
  private readonly system = inject(SystemService);
  protected readonly subject = viewState('audit.subject', '');
  protected readonly resource = viewState('audit.resource', '');
  protected readonly action = viewState('audit.action', '');
  protected readonly since = viewState('audit.since', '');
  protected readonly until = viewState('audit.until', '');
  private readonly filters = computed(() => ({
    subject: this.subject().trim() || undefined,
    resource: this.resource().trim() || undefined,
    action: this.action().trim() || undefined,
    since: toTime(this.since()),
    until: toTime(this.until()),
  }));
  protected readonly lines = injectPagedQuery(() => {
    const filters = this.filters();
    return { key: `audit/${JSON.stringify(filters)}`, fetch: (cursor) => this.system.listAuditLines({ ...filters, cursor }) };
  });
  protected readonly exportPath = computed(() => {
    const given = Object.entries(this.filters()).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return given.length ? `/audit/export?${new URLSearchParams(given)}` : '/audit/export';
  });
}

/** The time of a datetime-local input, which is in the browser's time zone. */
function toTime(value: string): string | undefined {
  return value ? new Date(value).toISOString() : undefined;
}
