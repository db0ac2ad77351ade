/** Edits the suite that evaluates an alias's candidates: JSON, with a first version from an eval and a dataset. */
import { Component, computed, inject, model, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';

import { EvalView } from '../api/models';
import { DatasetService, EvaluationService } from '../api/services';
import { fetchAllPages } from '../platform/paged-query';
import { injectQuery } from '../platform/query';
import { readSuite, suiteFor } from './suite';

@Component({
  selector: 'an-suite-editor',
  imports: [FormsModule, MatButton, MatFormFieldModule, MatInput],
  template: `
    <fieldset class="stack">
      <legend><b>Suite</b>&ngsp;<span class="muted">What a candidate must reach. Without one, only a person decides.</span></legend>
      @if (evals().length) {
        <div class="fields">
          <mat-form-field appearance="outline" subscriptSizing="dynamic">
            <mat-label>Eval</mat-label>
            <select matNativeControl name="eval" [ngModel]="evalId()" (ngModelChange)="evalId.set($event)">
              <option value="">None</option>
              @for (found of evals(); track found.id) {
                <option [value]="found.id">{{ found.name || found.id }}</option>
              }
            </select>
            <mat-hint>Its criteria grade the answers</mat-hint>
          </mat-form-field>
          <mat-form-field appearance="outline" subscriptSizing="dynamic">
            <mat-label>Rows</mat-label>
            <select matNativeControl name="rows" [ngModel]="datasetId()" (ngModelChange)="datasetId.set($event)">
              <option value="">No dataset</option>
              @for (dataset of datasets(); track dataset.id) {
                <option [value]="dataset.id">{{ dataset.name }}</option>
              }
            </select>
            <mat-hint>The models answer these</mat-hint>
          </mat-form-field>
          <div><button matButton="outlined" type="button" [disabled]="!selected() || !datasetId()" (click)="fill()">Fill in a suite</button></div>
        </div>
      } @else if (evalList.value()) {
        <p class="muted">There is no eval yet. Evals are created with OpenAI's client, as the guide on evals shows; then this form writes a suite from one.</p>
      }
      <mat-form-field appearance="outline" subscriptSizing="dynamic">
        <mat-label>Suite (JSON)</mat-label>
        <textarea matInput name="suite" rows="8" spellcheck="false" [ngModel]="text()" (ngModelChange)="text.set($event)"></textarea>
        <mat-hint>Empty: no suite</mat-hint>
      </mat-form-field>
      @if (error()) {
        <p class="error-text" role="alert">{{ error() }}</p>
      }
    </fieldset>
  `,
  styles: `
    legend { margin-bottom: 0.9rem; }
    textarea { font-family: ui-monospace, 'DejaVu Sans Mono', Menlo, monospace !important; font-size: 0.875em !important; }
  `,
})
export class SuiteEditor {
  readonly text = model.required<string>();
  private readonly evaluation = inject(EvaluationService);
  private readonly datasetApi = inject(DatasetService);
  protected readonly evalList = injectQuery(() => ({ key: 'evals', fetch: () => this.evaluation.listEvals({ limit: 100 }) }));
  private readonly datasetList = injectQuery(() => ({ key: 'datasets/all', fetch: () => fetchAllPages((cursor) => this.datasetApi.listDatasets({ limit: 200, cursor })) }));
  protected readonly evals = computed<EvalView[]>(() => this.evalList.value()?.data ?? []);
  protected readonly datasets = computed(() => (this.datasetList.value()?.items ?? []).filter((dataset) => dataset.state === 'ready'));
  protected readonly evalId = signal('');
  protected readonly datasetId = signal('');
  protected readonly selected = computed(() => this.evals().find((found) => found.id === this.evalId()));
  protected readonly error = computed(() => readSuite(this.text()).error);

  protected fill(): void {
    this.text.set(JSON.stringify(suiteFor(this.selected()!, this.datasetId()), null, 2));
  }
}
