/** Asks for the reason of a promotion or a rollback, which the alias's history keeps. */
import { Component, inject, Injectable, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MAT_DIALOG_DATA, MatDialog, MatDialogActions, MatDialogClose, MatDialogContent, MatDialogTitle } from '@angular/material/dialog';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { firstValueFrom } from 'rxjs';

export interface ReasonRequest {
  heading: string;
  text: string;
  confirmLabel: string;
}

@Component({
  imports: [FormsModule, MatButton, MatDialogActions, MatDialogClose, MatDialogContent, MatDialogTitle, MatFormFieldModule, MatInput],
  template: `
    <h2 mat-dialog-title>{{ request.heading }}</h2>
    <mat-dialog-content>
      <p>{{ request.text }}</p>
      <mat-form-field appearance="outline" subscriptSizing="dynamic">
        <mat-label>Reason</mat-label>
        <textarea matInput name="reason" rows="2" maxlength="500" [ngModel]="reason()" (ngModelChange)="reason.set($event)"></textarea>
        <mat-hint>Kept in the history; may be empty</mat-hint>
      </mat-form-field>
    </mat-dialog-content>
    <mat-dialog-actions align="end">
      <button matButton [mat-dialog-close]="undefined">Cancel</button>
      <button matButton="filled" [mat-dialog-close]="{ reason: reason().trim() || null }">{{ request.confirmLabel }}</button>
    </mat-dialog-actions>
  `,
  styles: `mat-form-field { margin-top: 0.75rem; }`,
})
class ReasonDialog {
  protected readonly request = inject<ReasonRequest>(MAT_DIALOG_DATA);
  protected readonly reason = signal('');
}

@Injectable({ providedIn: 'root' })
export class Reason {
  private readonly dialog = inject(MatDialog);

  /** Resolves to the body of the request, or undefined if the user cancelled. */
  async ask(request: ReasonRequest): Promise<{ reason: string | null } | undefined> {
    const dialog = this.dialog.open<ReasonDialog, ReasonRequest, { reason: string | null }>(ReasonDialog, { data: request, width: '32rem' });
    return firstValueFrom(dialog.afterClosed());
  }
}
