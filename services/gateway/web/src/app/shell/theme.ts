/** The color theme: light, dark or the system's. index.html applies the stored choice before the first paint. */
import { Injectable, signal } from '@angular/core';

export type ThemeChoice = 'light' | 'dark' | 'system';

@Injectable({ providedIn: 'root' })
export class Theme {
  readonly choice = signal((document.documentElement.dataset['theme'] as ThemeChoice | undefined) ?? 'system');

  set(choice: ThemeChoice): void {
    this.choice.set(choice);
    document.documentElement.dataset['theme'] = choice;
    try {
      localStorage.setItem('anneal.theme', choice);
    } catch {
      // Without storage the choice lasts until the page is closed.
    }
  }
}
