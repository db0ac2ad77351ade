/** What the whole app is given: routes, HTTP with our interceptor, change detection without zones. */
import { provideHttpClient, withInterceptors } from '@angular/common/http';
import { ApplicationConfig, provideBrowserGlobalErrorListeners, provideZonelessChangeDetection } from '@angular/core';
import { NavigationError, provideRouter, TitleStrategy, withComponentInputBinding, withInMemoryScrolling, withNavigationErrorHandler } from '@angular/router';

import { routes } from './app.routes';
import { watchPlatform } from './platform/interceptor';
import { PageTitle } from './shell/page-title';

/** A page whose code is gone belongs to an older build than the server's: the address opens in the new one. */
function loadAnew(error: NavigationError): void {
  if (/dynamically imported module|importing a module/i.test(String(error.error))) location.assign(`/ui${error.url}`);
}

export const config: ApplicationConfig = {
  providers: [
    provideBrowserGlobalErrorListeners(),
    provideZonelessChangeDetection(),
    provideRouter(
      routes,
      withComponentInputBinding(),
      withInMemoryScrolling({ scrollPositionRestoration: 'enabled' }),
      withNavigationErrorHandler(loadAnew),
    ),
    provideHttpClient(withInterceptors([watchPlatform])),
    { provide: TitleStrategy, useClass: PageTitle },
  ],
};
