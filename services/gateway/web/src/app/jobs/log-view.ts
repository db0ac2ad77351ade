/** A job's log: only the lines in sight exist, so that a hundred thousand scroll like ten. */
import { afterRenderEffect, Component, computed, ElementRef, input, signal, viewChild } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';

import { LogLine } from './history';
import { LEVELS, Level, LogFilter } from './log-filter';

const LINE_PX = 22;
const BEYOND = 12;

@Component({
  selector: 'an-log-view',
  imports: [FormsModule, MatButton],
  template: `
    <div class="row tools">
      <input class="search grow" type="search" placeholder="Search the log" aria-label="Search the log" [ngModel]="query()" (ngModelChange)="query.set($event)" />
      <select aria-label="Lowest level" [ngModel]="level()" (ngModelChange)="level.set($event)">
        @for (name of levels; track name) {
          <option [value]="name">{{ name }} and above</option>
        }
      </select>
      <button matButton="outlined" [attr.aria-pressed]="!follows()" (click)="toggle()">{{ follows() ? 'Pause' : 'Follow' }}</button>
    </div>
    <div #frame class="frame" tabindex="0" role="log" aria-live="off" aria-label="Log lines" (scroll)="scrolled()">
      <div class="all" [style.height.px]="shown().length * line">
        <div class="seen" [style.transform]="'translateY(' + first() * line + 'px)'">
          @for (entry of window(); track entry.seq) {
            <div class="entry" [class]="entry.level"><time>{{ entry.time.slice(11, 19) }}</time><span class="level">{{ entry.level }}</span>{{ entry.message }}</div>
          }
        </div>
      </div>
      @if (!shown().length) {
        <p class="muted none">{{ query() || level() !== 'debug' ? 'No line matches.' : 'No line yet.' }}</p>
      }
    </div>
    <small class="muted">{{ shown().length }} of {{ total() }} lines{{ follows() ? '' : ', paused' }}</small>
  `,
  styles: `
    :host { display: grid; gap: 0.5rem; grid-template-columns: minmax(0, 1fr); }
    .search, select { font: inherit; padding: 0.4rem 0.6rem; color: inherit; background: var(--card); border: 1px solid var(--line-strong); border-radius: var(--radius); }
    .search { min-width: 8rem; }
    .frame { height: 20rem; overflow: auto; background: var(--well); border: 1px solid var(--line); border-radius: 0.6rem; font: 0.8125rem/22px ui-monospace, 'DejaVu Sans Mono', Menlo, monospace; contain: strict; }
    .all { position: relative; min-width: max-content; }
    .seen { will-change: transform; }
    .entry { height: 22px; white-space: pre; padding: 0 0.8rem; }
    time { color: var(--ink-2); margin-right: 0.8rem; }
    .level { display: inline-block; width: 4.6rem; color: var(--ink-2); }
    .warning, .warning .level { color: var(--warn-ink); }
    .error, .error .level { color: var(--bad-ink); }
    .none { padding: 0 0.8rem; }
  `,
})
export class LogView {
  readonly lines = input.required<LogLine[]>();
  /** Grows when lines have come. */
  readonly version = input.required<number>();
  protected readonly levels = LEVELS;
  protected readonly line = LINE_PX;
  protected readonly query = signal('');
  protected readonly level = signal<Level>('debug');
  protected readonly follows = signal(true);
  private readonly frame = viewChild.required<ElementRef<HTMLElement>>('frame');
  private readonly top = signal(0);
  private readonly height = signal(400);
  private readonly filter = new LogFilter();

  /** What passes the filter. While paused the list stands still. */
  private standing: LogLine[] = [];
  private stood = '';
  private source?: LogLine[];
  protected readonly shown = computed(() => {
    this.version();
    const asked = `${this.level()}/${this.query()}`;
    const wanted = this.filter.of(this.lines(), this.query(), this.level());
    const moves = asked !== this.stood || this.lines() !== this.source || (this.follows() && wanted.length !== this.standing.length);
    if (moves) [this.standing, this.stood, this.source] = [wanted.slice(), asked, this.lines()];
    return this.standing; // the same list when nothing has come: nothing is drawn again
  });
  protected readonly total = computed(() => (this.version(), this.lines().length));
  protected readonly first = computed(() => Math.max(0, Math.floor(this.top() / LINE_PX) - BEYOND));
  protected readonly window = computed(() => this.shown().slice(this.first(), this.first() + Math.ceil(this.height() / LINE_PX) + 2 * BEYOND));

  constructor() {
    afterRenderEffect(() => {
      this.shown();
      const frame = this.frame().nativeElement;
      this.height.set(frame.clientHeight);
      if (this.follows()) frame.scrollTop = frame.scrollHeight;
    });
  }

  protected scrolled(): void {
    const frame = this.frame().nativeElement;
    this.top.set(frame.scrollTop);
    const atEnd = frame.scrollTop + frame.clientHeight >= frame.scrollHeight - 2 * LINE_PX;
    // Scrolling up is a wish to read; scrolling back down is one to follow.
    if (this.follows() !== atEnd) this.follows.set(atEnd);
  }

  protected toggle(): void {
    this.follows.update((follows) => !follows);
  }
}
