/** Outputs that follow a request: the user may have left the page before it ends. */
import { DestroyRef, inject, OutputEmitterRef } from '@angular/core';

/** Emits from `output` while the component lives; afterwards nobody listens, and `emit` itself would throw (NG0953). */
export function injectEmit<T>(output: OutputEmitterRef<T>): (value: T) => void {
  const destroyRef = inject(DestroyRef);
  return (value) => {
    if (!destroyRef.destroyed) output.emit(value);
  };
}
