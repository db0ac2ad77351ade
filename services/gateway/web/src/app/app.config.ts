/** Application providers: router, HTTP client with the connection interceptor, zoneless change detection. */
import { provideHttpClient, withInterceptors } from '@angular/common/http';
import { ApplicationConfig, inject, provideBrowserGlobalErrorListeners, provideZonelessChangeDetection } from '@angular/core';
import { NavigationError, provideRouter, TitleStrategy, withComponentInputBinding, withInMemoryScrolling, withNavigationErrorHandler, withPreloading } from '@angular/router';

import { routes } from './app.routes';
import { Connection } from './platform/connection';
import { connectionInterceptor } from './platform/interceptor';
import { PageTitle } from './shell/page-title';
import { Preload } from './shell/preload';

/**
 * Handles a page whose code fails to load. Offline, the current page stays. Online, the server has a newer build, so the
 * address is reloaded from it.
 */
async function handleChunkLoadError(error: NavigationError): Promise<void> {
  if (!/dynamically imported module|importing a module/i.test(String(error.error))) return;
  const connection = inject(Connection);
  if (await connection.isReachable()) location.assign(`/ui${error.url}`);
  else connection.markOffline();
}

export const appConfig: ApplicationConfig = {
  providers: [
    provideBrowserGlobalErrorListeners(),
    provideZonelessChangeDetection(),
    provideRouter(
      routes,
      withComponentInputBinding(),
      withInMemoryScrolling({ scrollPositionRestoration: 'enabled' }),
      withNavigationErrorHandler((error) => void handleChunkLoadError(error)),
      withPreloading(Preload),
    ),
    provideHttpClient(withInterceptors([connectionInterceptor])),
    { provide: TitleStrategy, useExisting: PageTitle },
  ],
};
