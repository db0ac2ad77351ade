/** The app shell: navigation, the offline banner and the sign-in instructions around every page. */
import { Component, DestroyRef, effect, ElementRef, inject, signal, viewChild } from '@angular/core';
import { NavigationEnd, Router, RouterLink, RouterLinkActive, RouterOutlet } from '@angular/router';

import { SystemService } from './api/services';
import { Icon, IconName } from './elements/icon';
import { Connection } from './platform/connection';
import { injectQuery } from './platform/query';
import { JobNotifications } from './shell/job-notifications';
import { SignedOut } from './shell/signed-out';
import { Theme, ThemeChoice } from './shell/theme';

interface NavItem {
  path: string;
  label: string;
  icon: IconName;
}

const NAV_ITEMS: NavItem[] = [
  { path: '/dashboard', label: 'Dashboard', icon: 'dashboard' },
  { path: '/datasets', label: 'Datasets', icon: 'datasets' },
  { path: '/models', label: 'Models', icon: 'models' },
  { path: '/jobs', label: 'Training', icon: 'jobs' },
  { path: '/evaluations', label: 'Evaluation', icon: 'evaluations' },
  { path: '/aliases', label: 'Aliases', icon: 'aliases' },
  { path: '/exports', label: 'Export', icon: 'exports' },
  { path: '/playground', label: 'Playground', icon: 'playground' },
  { path: '/members', label: 'Members', icon: 'members' },
  { path: '/settings', label: 'Settings', icon: 'settings' },
];
const NEXT_THEME: Record<ThemeChoice, ThemeChoice> = { system: 'light', light: 'dark', dark: 'system' };

@Component({
  selector: 'an-root',
  imports: [Icon, RouterLink, RouterLinkActive, RouterOutlet, SignedOut],
  templateUrl: './app.html',
  styleUrl: './app.scss',
})
export class App {
  protected readonly navItems = NAV_ITEMS;
  protected readonly connection = inject(Connection);
  protected readonly theme = inject(Theme);
  protected readonly menuOpen = signal(false);
  private readonly main = viewChild.required<ElementRef<HTMLElement>>('main');

  constructor() {
    const system = inject(SystemService);
    const session = injectQuery(() => ({ key: 'session', fetch: () => system.showSession() }));
    effect(() => this.connection.project.set(session.value()?.project));
    inject(JobNotifications);
    this.connection.watch();
    const router = inject(Router);
    let currentPath: string | undefined;
    const navigations = router.events.subscribe((event) => {
      if (!(event instanceof NavigationEnd)) return;
      this.menuOpen.set(false);
      const [path] = event.urlAfterRedirects.split('?');
      // Moves the focus so that a screen reader starts at the new page, as it does after a full page load.
      if (currentPath !== undefined && currentPath !== path) this.main().nativeElement.focus({ preventScroll: true });
      currentPath = path;
    });
    inject(DestroyRef).onDestroy(() => navigations.unsubscribe());
  }

  protected toggleTheme(): void {
    this.theme.set(NEXT_THEME[this.theme.choice()]);
  }

  protected skipToContent(event: Event): void {
    event.preventDefault();
    this.main().nativeElement.focus();
  }
}
