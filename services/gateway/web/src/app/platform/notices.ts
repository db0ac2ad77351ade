/** Short words at the edge of the screen: what was done, or what went wrong and what helps. */
import { inject, Injectable } from '@angular/core';
import { MatSnackBar } from '@angular/material/snack-bar';

import { Problem, problemOf } from './problem';

const READ_MS = 5000;

@Injectable({ providedIn: 'root' })
export class Notices {
  private readonly bar = inject(MatSnackBar);

  say(text: string): void {
    this.bar.open(text, 'OK', { duration: READ_MS });
  }

  problem(problem: Problem): void {
    const trace = problem.trace_id ? ` Trace ${problem.trace_id}` : '';
    const text = [problem.detail, problem.remedy].filter(Boolean).join(' ');
    this.bar.open(text + trace, 'Close', { politeness: 'assertive', panelClass: 'problem-notice' });
  }

  /** Does something the user asked for; says `done`, or the problem. False when it failed. */
  async attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
    try {
      await work();
      if (done) this.say(done);
      return true;
    } catch (failure) {
      this.problem(problemOf(failure));
      return false;
    }
  }
}
