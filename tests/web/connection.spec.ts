/** The platform stops and restarts. Runs first, while no engine is warm that a restart would have to start again. */
import type { Page } from '@playwright/test';
import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';

import { expect, test } from './platform';

const isChunk = (name: string) => /chunk-[A-Z0-9]{8}\.js$/.test(name);
const CHUNK_COUNT = readdirSync(resolve(__dirname, '../../services/gateway/web/dist')).filter(isChunk).length;

async function loadedChunks(page: Page): Promise<number> {
  const names = await page.evaluate(() => performance.getEntriesByType('resource').map((entry) => entry.name));
  return new Set(names.filter(isChunk)).size;
}

test('offline, pages still open and input is kept; after a restart they recover', async ({ page, platform }) => {
  const banner = page.getByText('Reconnecting… Nothing you entered is lost.');
  await page.goto('/ui/jobs/new');
  await page.getByLabel('Name', { exact: true }).fill('kept while offline');
  await expect.poll(() => loadedChunks(page)).toBe(CHUNK_COUNT); // the code of every page is preloaded
  await platform.stop();
  await page.getByRole('link', { name: 'Datasets' }).click();
  await expect(page.getByRole('heading', { name: 'Datasets' })).toBeVisible();
  await expect(banner).toBeVisible();
  await platform.start();
  await expect(banner).toBeHidden({ timeout: 60_000 });
  await expect(page.getByRole('heading', { name: 'No datasets yet' })).toBeVisible();
  await page.goBack();
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('kept while offline');
});
