/** Uploads under way. They live beside the pages: going elsewhere in the app does not stop them. */
import { HttpClient, HttpEventType, HttpHeaders } from '@angular/common/http';
import { inject, Injectable, signal } from '@angular/core';
import { Subscription } from 'rxjs';

import { DatasetView } from '../api/models';
import { DatasetService } from '../api/services';
import { Problem, problemOf } from '../platform/problem';

export interface Choices {
  name: string;
  mapping: Record<string, string> | null;
  validation_share: number;
  heldout: boolean;
}

export interface Upload {
  id: number;
  file: File;
  choices: Choices;
  sent: number;
  state: 'sending' | 'checking' | 'ready' | 'failed' | 'cancelled';
  dataset?: DatasetView;
  problem?: Problem;
}

const LOOK_MS = 1000;

@Injectable({ providedIn: 'root' })
export class Uploads {
  readonly all = signal<Upload[]>([]);
  /** Grows when a dataset has become ready: lists look again. */
  readonly finished = signal(0);
  private readonly http = inject(HttpClient);
  private readonly datasets = inject(DatasetService);
  private readonly running = new Map<number, Subscription>();
  private last = 0;

  /** Begins at once; the id of the upload in `all`. */
  start(file: File, choices: Choices): number {
    const id = ++this.last;
    this.all.update((all) => [{ id, file, choices, sent: 0, state: 'sending' }, ...all]);
    this.send(id, file, choices);
    return id;
  }

  cancel(id: number): void {
    this.running.get(id)?.unsubscribe();
    this.change(id, { state: 'cancelled' });
  }

  retry(upload: Upload): void {
    this.change(upload.id, { state: 'sending', sent: 0, problem: undefined });
    this.send(upload.id, upload.file, upload.choices);
  }

  dismiss(id: number): void {
    this.all.update((all) => all.filter((upload) => upload.id !== id));
  }

  private send(id: number, file: File, choices: Choices): void {
    const request = this.http.post<DatasetView>(DatasetService.UploadDatasetPath, form(file, choices), {
      headers: new HttpHeaders({ Prefer: 'respond-async' }),
      reportProgress: true,
      observe: 'events',
    });
    const sending = request.subscribe({
      next: (event) => {
        if (event.type === HttpEventType.UploadProgress) {
          this.change(id, { sent: event.loaded, state: event.loaded === event.total ? 'checking' : 'sending' });
        } else if (event.type === HttpEventType.Response && event.body) {
          void this.follow(id, event.body);
        }
      },
      error: (failure) => this.change(id, { state: 'failed', problem: problemOf(failure) }),
    });
    this.running.set(id, sending);
  }

  /** Looks until the newest version is no longer being validated. */
  private async follow(id: number, dataset: DatasetView): Promise<void> {
    let seen = dataset;
    while (seen.versions[0]?.state === 'validating') {
      this.change(id, { state: 'checking', dataset: seen });
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      try {
        seen = await this.datasets.getDataset({ dataset_id: dataset.id });
      } catch (failure) {
        const problem = problemOf(failure);
        if (problem.status !== 0) return this.change(id, { state: 'failed', problem });
      }
    }
    const version = seen.versions[0];
    if (!version || version.state === 'ready') this.change(id, { state: 'ready', dataset: seen });
    else this.change(id, { state: 'failed', dataset: seen, problem: rejection(version) });
    this.finished.update((count) => count + 1);
  }

  private change(id: number, change: Partial<Upload>): void {
    this.all.update((all) => all.map((upload) => (upload.id === id ? { ...upload, ...change } : upload)));
  }
}

function form(file: File, choices: Choices): FormData {
  const data = new FormData();
  if (choices.name) data.set('name', choices.name);
  if (choices.mapping) data.set('mapping', JSON.stringify(choices.mapping));
  data.set('validation_share', String(choices.validation_share));
  data.set('heldout', String(choices.heldout));
  // Last, so that a wrong field is refused before gigabytes are sent.
  data.set('file', file, file.name);
  return data;
}

function rejection(version: DatasetView['versions'][number]): Problem {
  return {
    status: 422,
    code: version.code ?? 'unknown',
    title: 'The upload was rejected',
    detail: version.detail ?? 'It could not become a dataset.',
    remedy: version.report?.rejected ? 'Correct the rows below and upload the file again.' : undefined,
    report: version.report ?? undefined,
  };
}
