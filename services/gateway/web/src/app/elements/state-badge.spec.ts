import { TestBed } from '@angular/core/testing';

import { StateBadge } from './state-badge';

describe('StateBadge', () => {
  it('says how many warnings there are beside the state', () => {
    const badge = TestBed.createComponent(StateBadge);
    const text = (state: string, warnings: unknown[]) => {
      badge.componentRef.setInput('state', state);
      badge.componentRef.setInput('warnings', warnings);
      badge.detectChanges();
      return (badge.nativeElement as HTMLElement).textContent;
    };
    expect(text('succeeded', [1, 2])).toBe('Succeeded, 2 warnings');
    expect(text('ready', [1])).toBe('Ready, 1 warning');
    expect(text('failed', [])).toBe('Failed');
  });
});
