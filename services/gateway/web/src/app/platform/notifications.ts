/** Snack bar messages: a confirmation, or a problem with its remedy. */
import { inject, Injectable } from '@angular/core';
import { MatSnackBar } from '@angular/material/snack-bar';

import { Problem, toProblem } from './problem';
import { Remedies, withRemedy } from './remedies';

const CONFIRMATION_MS = 5000;

@Injectable({ providedIn: 'root' })
export class Notifications {
  private readonly snackBar = inject(MatSnackBar);

  confirm(text: string): void {
    this.snackBar.open(text, 'OK', { duration: CONFIRMATION_MS });
  }

  showProblem(problem: Problem): void {
    const trace = problem.trace_id ? ` Trace ${problem.trace_id}` : '';
    const text = [problem.detail, problem.remedy].filter(Boolean).join(' ');
    this.snackBar.open(text + trace, 'Close', { politeness: 'assertive', panelClass: 'problem-notification' });
  }

  /** Runs an action and shows `confirmation`, or the problem if it fails, with the page's remedy. Returns whether it succeeded. */
  async run(action: () => Promise<unknown>, confirmation?: string, remedies: Remedies = {}): Promise<boolean> {
    try {
      await action();
      if (confirmation) this.confirm(confirmation);
      return true;
    } catch (failure) {
      this.showProblem(withRemedy(toProblem(failure), remedies));
      return false;
    }
  }
}
