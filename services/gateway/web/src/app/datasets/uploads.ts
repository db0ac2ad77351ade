/** Current uploads. They belong to the app, not to a page, and continue during navigation. */
import { HttpClient, HttpEventType, HttpHeaders } from '@angular/common/http';
import { inject, Injectable, signal } from '@angular/core';
import { Subscription } from 'rxjs';

import { DatasetView } from '../api/models';
import { DatasetService } from '../api/services';
import { Problem, toProblem } from '../platform/problem';

export interface UploadOptions {
  name: string;
  mapping: Record<string, string> | null;
  validation_share: number;
  heldout: boolean;
  encoding?: string;
}

export interface Upload {
  id: number;
  file: File;
  options: UploadOptions;
  bytesSent: number;
  state: 'uploading' | 'validating' | 'ready' | 'failed' | 'cancelled';
  dataset?: DatasetView;
  problem?: Problem;
}

const POLL_INTERVAL_MS = 1000;

@Injectable({ providedIn: 'root' })
export class Uploads {
  readonly all = signal<Upload[]>([]);
  /** Incremented when validation of an upload ends, so that lists refetch. */
  readonly validatedCount = signal(0);
  private readonly http = inject(HttpClient);
  private readonly datasets = inject(DatasetService);
  private readonly requests = new Map<number, Subscription>();
  private lastId = 0;

  /** Starts an upload and returns its id in `all`. */
  start(file: File, options: UploadOptions): number {
    const id = ++this.lastId;
    this.all.update((all) => [{ id, file, options, bytesSent: 0, state: 'uploading' }, ...all]);
    this.send(id, file, options);
    return id;
  }

  cancel(id: number): void {
    this.requests.get(id)?.unsubscribe();
    this.update(id, { state: 'cancelled' });
  }

  retry(upload: Upload): void {
    this.update(upload.id, { state: 'uploading', bytesSent: 0, problem: undefined });
    this.send(upload.id, upload.file, upload.options);
  }

  dismiss(id: number): void {
    this.all.update((all) => all.filter((upload) => upload.id !== id));
  }

  private send(id: number, file: File, options: UploadOptions): void {
    const request = this.http.post<DatasetView>(DatasetService.UploadDatasetPath, toFormData(file, options), {
      headers: new HttpHeaders({ Prefer: 'respond-async' }),
      reportProgress: true,
      observe: 'events',
    });
    const subscription = request.subscribe({
      next: (event) => {
        if (event.type === HttpEventType.UploadProgress) {
          this.update(id, { bytesSent: event.loaded, state: event.loaded === event.total ? 'validating' : 'uploading' });
        } else if (event.type === HttpEventType.Response && event.body) {
          void this.pollValidation(id, event.body);
        }
      },
      error: (failure) => this.update(id, { state: 'failed', problem: toProblem(failure) }),
    });
    this.requests.set(id, subscription);
  }

  /** Polls the dataset until its newest version is validated and published: before, the dataset has the former rows, or none. */
  private async pollValidation(id: number, uploaded: DatasetView): Promise<void> {
    let dataset = uploaded;
    while (dataset.state === 'validating') {
      this.update(id, { state: 'validating', dataset });
      await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
      try {
        dataset = await this.datasets.getDataset({ dataset_id: uploaded.id });
      } catch (failure) {
        const problem = toProblem(failure);
        if (problem.status !== 0) return this.update(id, { state: 'failed', problem });
      }
    }
    const version = dataset.versions[0]!; // a dataset without versions is validating
    if (version.state === 'ready') this.update(id, { state: 'ready', dataset });
    else this.update(id, { state: 'failed', dataset, problem: rejection(version) });
    this.validatedCount.update((count) => count + 1);
  }

  private update(id: number, changes: Partial<Upload>): void {
    this.all.update((all) => all.map((upload) => (upload.id === id ? { ...upload, ...changes } : upload)));
  }
}

function toFormData(file: File, options: UploadOptions): FormData {
  const data = new FormData();
  if (options.name) data.set('name', options.name);
  if (options.mapping) data.set('mapping', JSON.stringify(options.mapping));
  data.set('validation_share', String(options.validation_share));
  data.set('heldout', String(options.heldout));
  if (options.encoding) data.set('encoding', options.encoding);
  // The file comes last, so that an invalid field is rejected before gigabytes are sent.
  data.set('file', file, file.name);
  return data;
}

function rejection(version: DatasetView['versions'][number]): Problem {
  return {
    status: 422,
    code: version.code ?? 'unknown',
    title: 'The upload was rejected',
    detail: version.detail ?? 'The file is not a valid dataset.',
    remedy: version.report?.rejected ? 'Fix the rows below and upload the file again.' : undefined,
    report: version.report ?? undefined,
  };
}
