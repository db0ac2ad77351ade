/** Which columns a layout needs. */
import { Layout } from './layouts.generated';

/** Whether every required field has a column. */
export function isComplete(layout: Layout, mapping: Record<string, string>): boolean {
  return layout.required.every((field) => mapping[field]);
}
