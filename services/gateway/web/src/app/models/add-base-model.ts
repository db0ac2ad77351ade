/** Adds a base model: by Hugging Face ID, from a zip file, or from a folder on the server. */
import { HttpClient, HttpEventType } from '@angular/common/http';
import { Component, inject, output, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Subscription } from 'rxjs';

import { ModelService } from '../api/services';
import { Icon } from '../elements/icon';
import { BytesPipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { ProgressBar } from '../elements/progress-bar';
import { injectEmit } from '../platform/output';
import { Problem, toProblem } from '../platform/problem';

type Source = 'hub' | 'zip' | 'folder';

@Component({
  selector: 'an-add-base-model',
  imports: [BytesPipe, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, ProblemCard, ProgressBar],
  template: `
    <section class="card stack" aria-labelledby="add">
      <div class="card-head">
        <h2 id="add">Add a base model</h2>
        <fieldset class="segmented">
          <legend class="visually-hidden">Source</legend>
          @for (option of sources; track option.name) {
            <label><input type="radio" name="source" [checked]="source() === option.name" (change)="source.set(option.name)" /><span>{{ option.label }}</span></label>
          }
        </fieldset>
      </div>
      <mat-form-field appearance="outline" subscriptSizing="dynamic">
        <mat-label>Name</mat-label>
        <input matInput maxlength="120" [ngModel]="name()" (ngModelChange)="name.set($event)" />
        <mat-hint>Default: from the source</mat-hint>
      </mat-form-field>
      @switch (source()) {
        @case ('hub') {
          <div class="fields">
            <mat-form-field appearance="outline" subscriptSizing="dynamic">
              <mat-label>Hugging Face ID</mat-label>
              <input matInput placeholder="owner/name" [ngModel]="reference()" (ngModelChange)="reference.set($event)" />
              <mat-hint>Downloads only when you click Download</mat-hint>
            </mat-form-field>
            <mat-form-field appearance="outline" subscriptSizing="dynamic">
              <mat-label>Access token</mat-label>
              <input matInput type="password" autocomplete="off" [ngModel]="token()" (ngModelChange)="token.set($event)" />
              <mat-hint>For gated models; discarded after the download</mat-hint>
            </mat-form-field>
          </div>
          <div><button matButton="filled" [disabled]="!reference().includes('/') || submitting()" (click)="register()"><an-icon name="download" />Download</button></div>
        }
        @case ('zip') {
          <p class="muted">A zip file with config.json, the tokenizer and .safetensors weights. Pickle weights are rejected.</p>
          @if (uploadProgress(); as progress) {
            <an-progress-bar [value]="progress.loaded" [max]="progress.total" label="Model upload" />
            <div class="row"><span class="grow muted">{{ progress.loaded | bytes }} of {{ progress.total | bytes }}</span><button matButton (click)="cancel()">Cancel upload</button></div>
          } @else {
            <div><input type="file" accept=".zip" aria-label="Model zip file" (change)="upload($event)" /></div>
          }
        }
        @case ('folder') {
          <mat-form-field appearance="outline" subscriptSizing="dynamic">
            <mat-label>Folder on the server</mat-label>
            <input matInput placeholder="/models/my-base" [ngModel]="reference()" (ngModelChange)="reference.set($event)" />
            <mat-hint>Absolute path; files are not copied</mat-hint>
          </mat-form-field>
          <div><button matButton="filled" [disabled]="!reference().startsWith('/') || submitting()" (click)="register()">Register</button></div>
        }
      }
      @if (problem(); as problem) {
        <an-problem [problem]="problem" />
      }
    </section>
  `,
})
export class AddBaseModel {
  readonly added = output<void>();
  private readonly emitAdded = injectEmit(this.added);
  private readonly api = inject(ModelService);
  private readonly http = inject(HttpClient);
  protected readonly sources: { name: Source; label: string }[] = [{ name: 'hub', label: 'Hugging Face' }, { name: 'zip', label: 'Zip' }, { name: 'folder', label: 'Folder' }];
  protected readonly source = signal<Source>('hub');
  protected readonly name = signal('');
  protected readonly reference = signal('');
  protected readonly token = signal('');
  protected readonly submitting = signal(false);
  protected readonly problem = signal<Problem | undefined>(undefined);
  protected readonly uploadProgress = signal<{ loaded: number; total: number } | undefined>(undefined);
  private request?: Subscription;

  protected async register(): Promise<void> {
    const reference = this.reference().trim();
    const token = this.token() ? { token: this.token() } : {};
    const name = this.name().trim() ? { name: this.name().trim() } : {};
    const body = { ...name, ...(this.source() === 'hub' ? { hub_id: reference, ...token } : { path: reference }) };
    this.submitting.set(true);
    this.problem.set(undefined);
    try {
      await this.api.addBaseModel$Json({ body });
      for (const field of [this.name, this.reference, this.token]) field.set('');
      this.emitAdded();
    } catch (failure) {
      this.problem.set(toProblem(failure));
    } finally {
      this.submitting.set(false);
    }
  }

  protected upload(event: Event): void {
    const file = (event.target as HTMLInputElement).files?.[0];
    if (!file) return;
    const data = new FormData();
    if (this.name().trim()) data.set('name', this.name().trim());
    data.set('file', file, file.name);
    this.problem.set(undefined);
    this.uploadProgress.set({ loaded: 0, total: file.size });
    this.request = this.http.post(ModelService.AddBaseModelPath, data, { reportProgress: true, observe: 'events' }).subscribe({
      next: (event) => {
        if (event.type === HttpEventType.UploadProgress) this.uploadProgress.set({ loaded: event.loaded, total: event.total ?? file.size });
        if (event.type === HttpEventType.Response) this.finishUpload();
      },
      error: (failure) => {
        this.uploadProgress.set(undefined);
        this.problem.set(toProblem(failure));
      },
    });
  }

  protected cancel(): void {
    this.request?.unsubscribe();
    this.uploadProgress.set(undefined);
  }

  private finishUpload(): void {
    this.uploadProgress.set(undefined);
    this.name.set('');
    this.emitAdded();
  }
}
