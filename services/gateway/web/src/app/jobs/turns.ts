/** Costly drawings take turns: one per frame, so that several charts that change at once do not cost a frame together. */
import { Injectable } from '@angular/core';

@Injectable({ providedIn: 'root' })
export class Turns {
  private readonly waiting = new Set<() => void>();
  private frame = 0;

  /** Draws in one of the next frames; asked again before its turn, it is still drawn once. */
  ask(draw: () => void): void {
    this.waiting.add(draw);
    if (!this.frame) this.frame = requestAnimationFrame(() => this.next());
  }

  forget(draw: () => void): void {
    this.waiting.delete(draw);
  }

  private next(): void {
    this.frame = 0;
    const [draw] = this.waiting;
    if (!draw) return;
    this.waiting.delete(draw);
    draw();
    if (this.waiting.size) this.frame = requestAnimationFrame(() => this.next());
  }
}
