/** Draws at most one chart per animation frame, so that several charts that change at once do not drop frames. */
import { Injectable } from '@angular/core';

@Injectable({ providedIn: 'root' })
export class DrawQueue {
  private readonly pending = new Set<() => void>();
  private frame = 0;

  /** Queues a callback for one of the next frames. A callback that is already queued runs once. */
  add(draw: () => void): void {
    this.pending.add(draw);
    if (!this.frame) this.frame = requestAnimationFrame(() => this.drawNext());
  }

  remove(draw: () => void): void {
    this.pending.delete(draw);
  }

  private drawNext(): void {
    this.frame = 0;
    const [draw] = this.pending;
    if (!draw) return;
    this.pending.delete(draw);
    draw();
    if (this.pending.size) this.frame = requestAnimationFrame(() => this.drawNext());
  }
}
