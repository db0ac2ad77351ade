/** Bring a base model: by its Hugging Face id, as a zip, or from a folder of the server. */
import { HttpClient, HttpEventType } from '@angular/common/http';
import { Component, inject, output, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Subscription } from 'rxjs';

import { ModelService } from '../api/services';
import { Icon } from '../elements/icon';
import { Meter } from '../elements/meter';
import { SizePipe } from '../elements/pipes';
import { ProblemCard } from '../elements/problem-card';
import { Problem, problemOf } from '../platform/problem';

type Source = 'hub' | 'zip' | 'folder';

@Component({
  selector: 'an-add-base',
  imports: [FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, Meter, ProblemCard, SizePipe],
  template: `
    <section class="card stack" aria-labelledby="add">
      <div class="card-head">
        <h2 id="add">Bring a base model</h2>
        <fieldset class="seg">
          <legend class="visually-hidden">Where it comes from</legend>
          @for (kind of sources; track kind.name) {
            <label><input type="radio" name="source" [checked]="source() === kind.name" (change)="source.set(kind.name)" /><span>{{ kind.label }}</span></label>
          }
        </fieldset>
      </div>
      @switch (source()) {
        @case ('hub') {
          <div class="fields">
            <mat-form-field appearance="outline" subscriptSizing="dynamic">
              <mat-label>Hugging Face id</mat-label>
              <input matInput placeholder="owner/name" [ngModel]="reference()" (ngModelChange)="reference.set($event)" />
              <mat-hint>Nothing is downloaded before you say so</mat-hint>
            </mat-form-field>
            <mat-form-field appearance="outline" subscriptSizing="dynamic">
              <mat-label>Access token</mat-label>
              <input matInput type="password" autocomplete="off" [ngModel]="token()" (ngModelChange)="token.set($event)" />
              <mat-hint>For gated models only; forgotten once fetched</mat-hint>
            </mat-form-field>
          </div>
          <div><button matButton="filled" [disabled]="!reference().includes('/') || busy()" (click)="register()"><an-icon name="download" />Download</button></div>
        }
        @case ('zip') {
          <p class="muted">A zip of a model folder: config.json, the tokenizer and .safetensors weights. Pickled weights are refused.</p>
          @if (sending(); as sent) {
            <an-meter [done]="sent.loaded" [total]="sent.total" label="Upload of the model" />
            <div class="row"><span class="grow muted">{{ sent.loaded | size }} of {{ sent.total | size }}</span><button matButton (click)="cancel()">Cancel upload</button></div>
          } @else {
            <div><input type="file" accept=".zip" aria-label="Zip of a model" (change)="upload($event)" /></div>
          }
        }
        @case ('folder') {
          <mat-form-field appearance="outline" subscriptSizing="dynamic">
            <mat-label>Folder on the server</mat-label>
            <input matInput placeholder="/models/my-base" [ngModel]="reference()" (ngModelChange)="reference.set($event)" />
            <mat-hint>An absolute path, used in place</mat-hint>
          </mat-form-field>
          <div><button matButton="filled" [disabled]="!reference().startsWith('/') || busy()" (click)="register()">Register</button></div>
        }
      }
      @if (problem(); as problem) {
        <an-problem [problem]="problem" />
      }
    </section>
  `,
})
export class AddBase {
  readonly added = output<void>();
  private readonly api = inject(ModelService);
  private readonly http = inject(HttpClient);
  protected readonly sources: { name: Source; label: string }[] = [{ name: 'hub', label: 'Hugging Face' }, { name: 'zip', label: 'Zip' }, { name: 'folder', label: 'Folder' }];
  protected readonly source = signal<Source>('hub');
  protected readonly reference = signal('');
  protected readonly token = signal('');
  protected readonly busy = signal(false);
  protected readonly problem = signal<Problem | undefined>(undefined);
  protected readonly sending = signal<{ loaded: number; total: number } | undefined>(undefined);
  private request?: Subscription;

  protected async register(): Promise<void> {
    const reference = this.reference().trim();
    const token = this.token() ? { token: this.token() } : {};
    const body = this.source() === 'hub' ? { hub_id: reference, ...token } : { path: reference };
    this.busy.set(true);
    this.problem.set(undefined);
    try {
      await this.api.addBaseModel$Json({ body });
      this.reference.set('');
      this.token.set('');
      this.added.emit();
    } catch (failure) {
      this.problem.set(problemOf(failure));
    } finally {
      this.busy.set(false);
    }
  }

  protected upload(event: Event): void {
    const file = (event.target as HTMLInputElement).files?.[0];
    if (!file) return;
    const data = new FormData();
    data.set('file', file, file.name);
    this.problem.set(undefined);
    this.sending.set({ loaded: 0, total: file.size });
    this.request = this.http.post(ModelService.AddBaseModelPath, data, { reportProgress: true, observe: 'events' }).subscribe({
      next: (event) => {
        if (event.type === HttpEventType.UploadProgress) this.sending.set({ loaded: event.loaded, total: event.total ?? file.size });
        if (event.type === HttpEventType.Response) this.ended();
      },
      error: (failure) => {
        this.sending.set(undefined);
        this.problem.set(problemOf(failure));
      },
    });
  }

  protected cancel(): void {
    this.request?.unsubscribe();
    this.sending.set(undefined);
  }

  private ended(): void {
    this.sending.set(undefined);
    this.added.emit();
  }
}
