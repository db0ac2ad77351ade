/** Fetches the code of the other pages once the browser has nothing else to do: each opens at once, and with the platform away. */
import { Injectable } from '@angular/core';
import { PreloadingStrategy, Route } from '@angular/router';
import { Observable, switchMap } from 'rxjs';

@Injectable({ providedIn: 'root' })
export class WhenIdle implements PreloadingStrategy {
  preload(_route: Route, load: () => Observable<unknown>): Observable<unknown> {
    return idle().pipe(switchMap(load));
  }
}

function idle(): Observable<void> {
  return new Observable((told) => {
    const go = () => (told.next(), told.complete());
    // Safari has no requestIdleCallback.
    if ('requestIdleCallback' in window) requestIdleCallback(go);
    else setTimeout(go, 1000);
  });
}
