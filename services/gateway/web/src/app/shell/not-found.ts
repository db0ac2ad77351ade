/** A path that no page has. */
import { Component } from '@angular/core';
import { RouterLink } from '@angular/router';

@Component({
  selector: 'an-not-found',
  imports: [RouterLink],
  template: `
    <header class="page-head"><h1>There is no such page</h1></header>
    <p>The address may be from an older version. <a routerLink="/dashboard">Go to the dashboard</a>.</p>
  `,
})
export class NotFound {}
