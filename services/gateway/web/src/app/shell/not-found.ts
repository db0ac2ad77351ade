/** The page for an unknown path. */
import { Component } from '@angular/core';
import { RouterLink } from '@angular/router';

@Component({
  selector: 'an-not-found',
  imports: [RouterLink],
  template: `
    <header class="page-head"><h1>Page not found</h1></header>
    <p>The link may be outdated. <a routerLink="/dashboard">Go to the dashboard</a>.</p>
  `,
})
export class NotFound {}
