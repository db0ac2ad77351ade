/** Names the tab's project in every request, and updates the connection state from every failed one. */
import { HttpErrorResponse, HttpEventType, HttpInterceptorFn } from '@angular/common/http';
import { inject } from '@angular/core';
import { tap } from 'rxjs';

import { Connection } from './connection';

export const connectionInterceptor: HttpInterceptorFn = (request, next) => {
  const connection = inject(Connection);
  const project = connection.project();
  return next(project ? request.clone({ setHeaders: { 'Anneal-Project': project } }) : request).pipe(
    tap({
      next: (event) => event.type === HttpEventType.Response && connection.markReached(),
      error: (error: HttpErrorResponse) => {
        if (error.status === 0) connection.markOffline();
        if (error.status === 401) connection.signedOut.set(true);
      },
    }),
  );
};
