/** States that jobs, evaluations, exports and base model imports share. */

const FINAL_STATES = ['succeeded', 'failed', 'cancelled'];

/** Whether a run in `state` has ended for good. */
export function isFinal(state: string): boolean {
  return FINAL_STATES.includes(state);
}
