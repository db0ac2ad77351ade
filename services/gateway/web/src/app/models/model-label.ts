/** What a list of models calls one: its name, with its id where other base models have the same name. */
import { AvailableModel } from '../api/models';

export function modelLabel(model: AvailableModel): string {
  const shared = model.kind === 'base' && model.reference === model.id && model.id !== model.name;
  return shared ? `${model.name}, ${model.id}` : model.name;
}
