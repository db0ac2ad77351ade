/** Updates the connection state from every failed request, then passes the error on to the caller. */
import { HttpErrorResponse, HttpInterceptorFn } from '@angular/common/http';
import { inject } from '@angular/core';
import { tap } from 'rxjs';

import { Connection } from './connection';

export const connectionInterceptor: HttpInterceptorFn = (request, next) => {
  const connection = inject(Connection);
  return next(request).pipe(
    tap({
      error: (error: HttpErrorResponse) => {
        if (error.status === 0) connection.markOffline();
        if (error.status === 401) connection.signedOut.set(true);
      },
    }),
  );
};
