/** Promotes a candidate or rolls an alias back, after asking for the reason. */
import { inject, Injectable } from '@angular/core';

import { AliasView, CandidateView } from '../api/models';
import { InferenceService } from '../api/services';
import { Notifications } from '../platform/notifications';
import { Remedies } from '../platform/remedies';
import { Reason } from './reason-dialog';

const REMEDIES: Remedies = {
  candidate_not_passed: 'Add the model as a candidate again, or choose another one.',
  candidate_outdated: 'Add the model as a candidate again: it is then compared with the current model.',
  nothing_to_roll_back_to: 'Add a model as a candidate, and promote it.',
  conflict: 'The page now shows the alias as it is. Repeat the action if you still want it.',
};

@Injectable({ providedIn: 'root' })
export class Promotion {
  private readonly api = inject(InferenceService);
  private readonly reason = inject(Reason);
  private readonly notifications = inject(Notifications);

  async promote(candidate: CandidateView, model: string): Promise<void> {
    const body = await this.reason.ask({
      heading: `Promote ${model}?`,
      text: `Requests to ${candidate.alias} are answered by ${model} as soon as it is loaded. You can roll back at any time.`,
      confirmLabel: 'Promote',
    });
    if (!body) return;
    const request = () => this.api.promoteCandidate({ name: candidate.alias, candidate_id: candidate.id, body });
    await this.notifications.run(request, `${candidate.alias} now answers with ${model}.`, REMEDIES);
  }

  async rollBack(alias: AliasView, current: string, previous: string): Promise<void> {
    const body = await this.reason.ask({
      heading: `Roll back ${alias.name}?`,
      text: `Requests to ${alias.name} are answered by ${previous} at once, instead of ${current}.`,
      confirmLabel: 'Roll back',
    });
    if (!body) return;
    await this.notifications.run(() => this.api.rollBackAlias({ name: alias.name, body }), `${alias.name} now answers with ${previous}.`, REMEDIES);
  }
}
