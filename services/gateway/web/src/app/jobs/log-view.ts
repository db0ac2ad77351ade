/** A job's log with virtual scrolling: only visible lines are in the DOM, so that 100,000 lines scroll smoothly. */
import { afterRenderEffect, Component, computed, ElementRef, input, signal, viewChild } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';

import { LogLine } from './job-history';
import { Level, LEVELS, LogFilter } from './log-filter';

const LINE_HEIGHT_PX = 22;
const OVERSCAN_LINES = 12;

@Component({
  selector: 'an-log-view',
  imports: [FormsModule, MatButton],
  template: `
    <div class="row tools">
      <input class="search grow" type="search" placeholder="Search logs" aria-label="Search logs" [ngModel]="query()" (ngModelChange)="query.set($event)" />
      <select aria-label="Minimum level" [ngModel]="level()" (ngModelChange)="level.set($event)">
        @for (name of levels; track name) {
          <option [value]="name">{{ name }} and above</option>
        }
      </select>
      <button matButton="outlined" [attr.aria-pressed]="following()" (click)="toggleFollowing()">Follow the log</button>
    </div>
    <div #frame class="frame" tabindex="0" role="log" aria-live="off" aria-label="Log lines" (scroll)="onScroll()">
      <div class="canvas" [style.height.px]="matches().length * lineHeight">
        <div class="window" [style.transform]="'translateY(' + firstVisible() * lineHeight + 'px)'">
          @for (entry of visibleLines(); track entry.seq) {
            <div class="entry" [class]="entry.level"><time>{{ entry.time.slice(11, 19) }}</time><span class="level">{{ entry.level }}</span>{{ entry.message }}</div>
          }
        </div>
      </div>
      @if (!matches().length) {
        <p class="muted empty">{{ query() || level() !== 'debug' ? 'No matching lines.' : 'No log lines yet.' }}</p>
      }
    </div>
    <small class="muted">{{ matches().length }} of {{ total() }} lines{{ following() ? '' : ', not followed' }}</small>
  `,
  styles: `
    :host { display: grid; gap: 0.5rem; grid-template-columns: minmax(0, 1fr); }
    .search, select { font: inherit; padding: 0.4rem 0.6rem; color: inherit; background: var(--surface); border: 1px solid var(--border-strong); border-radius: var(--radius); }
    .search { min-width: 8rem; }
    .frame { height: 20rem; overflow: auto; background: var(--surface-inset); border: 1px solid var(--border); border-radius: 0.6rem; font: 0.8125rem/22px ui-monospace, 'DejaVu Sans Mono', Menlo, monospace; contain: strict; }
    .canvas { position: relative; min-width: max-content; }
    .window { will-change: transform; }
    .entry { height: 22px; white-space: pre; padding: 0 0.8rem; }
    time { color: var(--text-muted); margin-right: 0.8rem; }
    .level { display: inline-block; width: 4.6rem; color: var(--text-muted); }
    .warning, .warning .level { color: var(--warning-text); }
    .error, .error .level { color: var(--error-text); }
    .empty { padding: 0 0.8rem; }
  `,
})
export class LogView {
  readonly lines = input.required<LogLine[]>();
  /** Incremented when lines are appended. */
  readonly version = input.required<number>();
  protected readonly levels = LEVELS;
  protected readonly lineHeight = LINE_HEIGHT_PX;
  protected readonly query = signal('');
  protected readonly level = signal<Level>('debug');
  protected readonly following = signal(true);
  private readonly frame = viewChild.required<ElementRef<HTMLElement>>('frame');
  private readonly scrollTop = signal(0);
  private readonly frameHeight = signal(400);
  private readonly filter = new LogFilter();

  private snapshot: LogLine[] = [];
  private filterKey = '';
  private source?: LogLine[];
  /** The lines that match the filter. While paused, new lines are not added. */
  protected readonly matches = computed(() => {
    this.version();
    const filterKey = `${this.level()}/${this.query()}`;
    const matches = this.filter.apply(this.lines(), this.query(), this.level());
    const changed = filterKey !== this.filterKey || this.lines() !== this.source || (this.following() && matches.length !== this.snapshot.length);
    if (changed) [this.snapshot, this.filterKey, this.source] = [matches.slice(), filterKey, this.lines()];
    return this.snapshot; // the same array if nothing changed, so that nothing is rendered again
  });
  protected readonly total = computed(() => (this.version(), this.lines().length));
  protected readonly firstVisible = computed(() => Math.max(0, Math.floor(this.scrollTop() / LINE_HEIGHT_PX) - OVERSCAN_LINES));
  protected readonly visibleLines = computed(() => {
    const count = Math.ceil(this.frameHeight() / LINE_HEIGHT_PX) + 2 * OVERSCAN_LINES;
    return this.matches().slice(this.firstVisible(), this.firstVisible() + count);
  });

  constructor() {
    afterRenderEffect(() => {
      this.matches();
      const frame = this.frame().nativeElement;
      this.frameHeight.set(frame.clientHeight);
      if (this.following()) frame.scrollTop = frame.scrollHeight;
    });
  }

  protected onScroll(): void {
    const frame = this.frame().nativeElement;
    this.scrollTop.set(frame.scrollTop);
    const atEnd = frame.scrollTop + frame.clientHeight >= frame.scrollHeight - 2 * LINE_HEIGHT_PX;
    // Scrolling up pauses, scrolling to the end follows again.
    if (this.following() !== atEnd) this.following.set(atEnd);
  }

  protected toggleFollowing(): void {
    this.following.update((following) => !following);
  }
}
