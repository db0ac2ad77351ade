/** Confirmation dialogs for actions that cannot be undone. */
import { Component, inject, Injectable } from '@angular/core';
import { MatButton } from '@angular/material/button';
import { MAT_DIALOG_DATA, MatDialog, MatDialogActions, MatDialogClose, MatDialogContent, MatDialogTitle } from '@angular/material/dialog';
import { firstValueFrom } from 'rxjs';

export interface Confirmation {
  heading: string;
  text: string;
  /** Effects on other objects, one line each. */
  consequences?: string[];
  confirmLabel: string;
  /** `Cancel` by default. */
  dismissLabel?: string;
}

@Component({
  imports: [MatButton, MatDialogActions, MatDialogClose, MatDialogContent, MatDialogTitle],
  template: `
    <h2 mat-dialog-title>{{ confirmation.heading }}</h2>
    <mat-dialog-content>
      <p>{{ confirmation.text }}</p>
      @if (confirmation.consequences?.length) {
        <ul>
          @for (line of confirmation.consequences; track line) {
            <li>{{ line }}</li>
          }
        </ul>
      }
    </mat-dialog-content>
    <mat-dialog-actions align="end">
      <button matButton [mat-dialog-close]="false">{{ confirmation.dismissLabel ?? 'Cancel' }}</button>
      <button matButton="filled" class="danger" [mat-dialog-close]="true">{{ confirmation.confirmLabel }}</button>
    </mat-dialog-actions>
  `,
})
class ConfirmDialog {
  protected readonly confirmation = inject<Confirmation>(MAT_DIALOG_DATA);
}

@Injectable({ providedIn: 'root' })
export class Confirm {
  private readonly dialog = inject(MatDialog);

  /** Opens the dialog and resolves to whether the user confirmed. */
  async open(confirmation: Confirmation): Promise<boolean> {
    const dialog = this.dialog.open(ConfirmDialog, { data: confirmation, maxWidth: 520 });
    return (await firstValueFrom(dialog.afterClosed())) === true;
  }
}
