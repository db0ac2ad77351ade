/** The columns and filters of the tables of custom models and of base models. */
import { AvailableModel, CustomModelView } from '../api/models';
import { formatBytes, formatCount, formatMethod, formatParameters, sentenceCase } from '../elements/format';
import { Column, Filter, numberColumn, stateColumn, textColumn, timeColumn } from '../table/columns';
import { modelLabel } from './model-label';

export const MODEL_COLUMNS: Column<CustomModelView>[] = [
  textColumn('name', 'Name', (model) => model.name, { link: (model) => ['/models', model.id] }),
  textColumn('method', 'Method', (model) => model.method, { format: formatMethod }),
  textColumn('base', 'Base model', (model) => model.base_name),
  numberColumn('validation', 'Validation loss', (model) => model.metrics['validation_loss_best']),
  numberColumn('size', 'Size', (model) => model.size, formatBytes),
  timeColumn('created', 'Created', (model) => model.created_at),
];

export const MODEL_FILTERS: Filter<CustomModelView>[] = [
  { name: 'method', all: 'All methods', value: (model) => model.method, format: formatMethod },
  { name: 'base', all: 'All base models', value: (model) => model.base_name },
];

export function modelText(model: CustomModelView): string {
  return [model.name, model.id, model.base_name, model.base, model.notes, model.job_id].join(' ');
}

/** A base model by its reference. */
export type BaseRow = AvailableModel & { id: string };

export const BASE_COLUMNS: Column<BaseRow>[] = [
  { ...textColumn<BaseRow>('name', 'Name', modelLabel), kind: 'custom' },
  stateColumn((model) => model.availability, (model) => model.warnings),
  numberColumn('parameters', 'Parameters', (model) => model.parameters, formatParameters),
  numberColumn('context', 'Context length', (model) => model.context_length, formatCount),
  textColumn('note', 'Note', note),
];

export const BASE_FILTERS: Filter<BaseRow>[] = [{ name: 'state', all: 'All states', value: (model) => model.availability, format: sentenceCase }];

export function baseText(model: BaseRow): string {
  return [model.name, model.reference, model.architecture, model.note].join(' ');
}

function note(model: BaseRow): string {
  if (model.availability === 'unreachable') return '';
  return model.availability === 'downloadable' ? 'Not downloaded yet.' : model.note;
}
