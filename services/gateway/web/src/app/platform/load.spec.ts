import { TestBed } from '@angular/core/testing';

import { load } from './load';

/** Lets promises and effects that wait for each other come to rest. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    TestBed.tick();
    await Promise.resolve();
  }
}

describe('load', () => {
  let stored: string;
  const loaded = () => TestBed.runInInjectionContext(() => load(() => ({ key: 'name', fetch: async () => stored })));

  beforeEach(() => (stored = 'before'));

  it('shows a change at once, and what the platform made of it afterwards', async () => {
    const name = loaded();
    await settled();
    let answer = () => undefined as void;
    const done = name.foresee(() => 'after', () => new Promise<void>((resolve) => (answer = resolve)));
    expect(name.value()).toBe('after');
    stored = 'After';
    answer();
    await done;
    await settled();
    expect(name.value()).toBe('After');
  });

  it('shows what was before again when the change is refused, and passes the refusal on', async () => {
    const name = loaded();
    await settled();
    const done = name.foresee(() => 'after', () => Promise.reject(new Error('no')));
    expect(name.value()).toBe('after');
    await expect(done).rejects.toThrow('no');
    expect(name.value()).toBe('before');
  });

  it('keeps the last answer for the next page that asks for the same', async () => {
    loaded();
    await settled();
    stored = 'newer';
    const again = loaded();
    TestBed.tick();
    expect(again.value()).toBe('before');
    await settled();
    expect(again.value()).toBe('newer');
  });
});
