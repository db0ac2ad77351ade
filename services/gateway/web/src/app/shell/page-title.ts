/** The document title: what the page shows with its progress, or else the page's title, then the app's name. */
import { DestroyRef, effect, inject, Injectable } from '@angular/core';
import { Title } from '@angular/platform-browser';
import { RouterStateSnapshot, TitleStrategy } from '@angular/router';

@Injectable({ providedIn: 'root' })
export class PageTitle extends TitleStrategy {
  private readonly title = inject(Title);
  private routed = '';
  private shown: string | undefined;

  override updateTitle(state: RouterStateSnapshot): void {
    this.routed = this.buildTitle(state) ?? '';
    this.apply();
  }

  /** Shows the text in the place of the route's title, until it is undefined. */
  show(text: string | undefined): void {
    this.shown = text;
    this.apply();
  }

  private apply(): void {
    this.title.setTitle([this.shown || this.routed, 'Anneal'].filter(Boolean).join(' · '));
  }
}

/** Shows what the page is about, such as `62 % · triage`, as long as the page is open. Call it in an injection context. */
export function injectPageTitle(text: () => string | undefined): void {
  const pageTitle = inject(PageTitle);
  effect(() => pageTitle.show(text()));
  inject(DestroyRef).onDestroy(() => pageTitle.show(undefined));
}
