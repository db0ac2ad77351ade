import { TestBed } from '@angular/core/testing';

import { injectQuery } from './query';

/** Flushes effects and promises that wait for each other. */
async function flush(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    TestBed.tick();
    await Promise.resolve();
  }
}

describe('injectQuery', () => {
  let stored: string;
  const createQuery = () => TestBed.runInInjectionContext(() => injectQuery(() => ({ key: 'name', fetch: async () => stored })));

  beforeEach(() => (stored = 'before'));

  it('shows an optimistic update at once and the server value afterwards', async () => {
    const query = createQuery();
    await flush();
    let respond = () => undefined as void;
    const done = query.updateOptimistically(() => 'after', () => new Promise<void>((resolve) => (respond = resolve)));
    expect(query.value()).toBe('after');
    stored = 'After';
    respond();
    await done;
    await flush();
    expect(query.value()).toBe('After');
  });

  it('rolls back an optimistic update that fails and rethrows the error', async () => {
    const query = createQuery();
    await flush();
    const done = query.updateOptimistically(() => 'after', () => Promise.reject(new Error('no')));
    expect(query.value()).toBe('after');
    await expect(done).rejects.toThrow('no');
    expect(query.value()).toBe('before');
  });

  it('shows the cached value of the same key until the new response arrives', async () => {
    createQuery();
    await flush();
    stored = 'newer';
    const query = createQuery();
    TestBed.tick();
    expect(query.value()).toBe('before');
    await flush();
    expect(query.value()).toBe('newer');
  });
});
