/** What the whole app is given: routes, HTTP with our interceptor, change detection without zones. */
import { provideHttpClient, withInterceptors } from '@angular/common/http';
import { ApplicationConfig, inject, provideBrowserGlobalErrorListeners, provideZonelessChangeDetection } from '@angular/core';
import { NavigationError, provideRouter, TitleStrategy, withComponentInputBinding, withInMemoryScrolling, withNavigationErrorHandler, withPreloading } from '@angular/router';

import { routes } from './app.routes';
import { Connection } from './platform/connection';
import { watchPlatform } from './platform/interceptor';
import { PageTitle } from './shell/page-title';
import { Preload } from './shell/preload';

/**
 * A page whose code cannot be had: while the platform is away the page before it stays; else the code belonged to an older
 * build than the server's, and the address opens in the new one.
 */
async function withoutCode(error: NavigationError): Promise<void> {
  if (!/dynamically imported module|importing a module/i.test(String(error.error))) return;
  const connection = inject(Connection);
  if (await connection.answers()) location.assign(`/ui${error.url}`);
  else connection.lost();
}

export const config: ApplicationConfig = {
  providers: [
    provideBrowserGlobalErrorListeners(),
    provideZonelessChangeDetection(),
    provideRouter(
      routes,
      withComponentInputBinding(),
      withInMemoryScrolling({ scrollPositionRestoration: 'enabled' }),
      withNavigationErrorHandler((error) => void withoutCode(error)),
      withPreloading(Preload),
    ),
    provideHttpClient(withInterceptors([watchPlatform])),
    { provide: TitleStrategy, useClass: PageTitle },
  ],
};
