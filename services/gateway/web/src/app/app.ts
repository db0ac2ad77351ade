/** The shell around every page: navigation, the banner when the platform is away, the page that says how to sign in. */
import { Component, DestroyRef, ElementRef, inject, signal, viewChild } from '@angular/core';
import { NavigationEnd, Router, RouterLink, RouterLinkActive, RouterOutlet } from '@angular/router';

import { Icon, IconName } from './elements/icon';
import { Connection } from './platform/connection';
import { SignedOut } from './shell/signed-out';
import { Theme, ThemeChoice } from './shell/theme';

interface Place {
  path: string;
  name: string;
  icon: IconName;
}

const PLACES: Place[] = [
  { path: '/dashboard', name: 'Dashboard', icon: 'dashboard' },
  { path: '/datasets', name: 'Datasets', icon: 'datasets' },
  { path: '/models', name: 'Models', icon: 'models' },
  { path: '/jobs', name: 'Training', icon: 'jobs' },
  { path: '/evaluations', name: 'Evaluation', icon: 'evaluations' },
  { path: '/exports', name: 'Export', icon: 'exports' },
  { path: '/playground', name: 'Playground', icon: 'playground' },
  { path: '/settings', name: 'Settings', icon: 'settings' },
];
const NEXT_THEME: Record<ThemeChoice, ThemeChoice> = { system: 'light', light: 'dark', dark: 'system' };

@Component({
  selector: 'an-root',
  imports: [Icon, RouterLink, RouterLinkActive, RouterOutlet, SignedOut],
  templateUrl: './app.html',
  styleUrl: './app.scss',
})
export class App {
  protected readonly places = PLACES;
  protected readonly connection = inject(Connection);
  protected readonly theme = inject(Theme);
  protected readonly open = signal(false);
  private readonly main = viewChild.required<ElementRef<HTMLElement>>('main');

  constructor() {
    const router = inject(Router);
    let shown: string | undefined;
    const arrivals = router.events.subscribe((event) => {
      if (!(event instanceof NavigationEnd)) return;
      this.open.set(false);
      const [path] = event.urlAfterRedirects.split('?');
      // A screen reader starts at the new page, as it would after a full load.
      if (shown !== undefined && shown !== path) this.main().nativeElement.focus({ preventScroll: true });
      shown = path;
    });
    inject(DestroyRef).onDestroy(() => arrivals.unsubscribe());
  }

  protected toggleTheme(): void {
    this.theme.choose(NEXT_THEME[this.theme.choice()]);
  }

  protected skip(event: Event): void {
    event.preventDefault();
    this.main().nativeElement.focus();
  }
}
