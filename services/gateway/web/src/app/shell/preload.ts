/** Fetches the code of the other pages once the first has settled: each then opens at once, and with the platform away. */
import { Injectable } from '@angular/core';
import { PreloadingStrategy, Route } from '@angular/router';
import { Observable, switchMap, timer } from 'rxjs';

/** Longer than the first page needs for its own figures: nothing competes with them. */
const SETTLED_MS = 2000;

@Injectable({ providedIn: 'root' })
export class Preload implements PreloadingStrategy {
  preload(_route: Route, load: () => Observable<unknown>): Observable<unknown> {
    return timer(SETTLED_MS).pipe(switchMap(load));
  }
}
