/** Notices on every answer whether the platform is away or does not know us. The failure itself goes on to its caller. */
import { HttpErrorResponse, HttpInterceptorFn } from '@angular/common/http';
import { inject } from '@angular/core';
import { tap } from 'rxjs';

import { Connection } from './connection';

export const watchPlatform: HttpInterceptorFn = (request, next) => {
  const connection = inject(Connection);
  return next(request).pipe(
    tap({
      error: (error: HttpErrorResponse) => {
        if (error.status === 0) connection.lost();
        if (error.status === 401) connection.signedOut.set(true);
      },
    }),
  );
};
