/** Preloads the code of all pages after the first page has loaded, so that they open at once, even offline. */
import { Injectable } from '@angular/core';
import { PreloadingStrategy, Route } from '@angular/router';
import { Observable, switchMap, timer } from 'rxjs';

/** Longer than the first page takes to load its data, so that preloading does not compete with it. */
const PRELOAD_DELAY_MS = 2000;

@Injectable({ providedIn: 'root' })
export class Preload implements PreloadingStrategy {
  preload(_route: Route, load: () => Observable<unknown>): Observable<unknown> {
    return timer(PRELOAD_DELAY_MS).pipe(switchMap(load));
  }
}
