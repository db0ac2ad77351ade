/** The platform goes away and comes back. The first of the files: nothing is warm yet that would have to start twice. */
import type { Page } from '@playwright/test';
import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';

import { expect, test } from './platform';

const isCode = (name: string) => /chunk-[A-Z0-9]{8}\.js$/.test(name);
const CODE = readdirSync(resolve(__dirname, '../../services/gateway/web/dist')).filter(isCode).length;

async function fetched(page: Page): Promise<number> {
  const names = await page.evaluate(() => performance.getEntriesByType('resource').map((entry) => entry.name));
  return new Set(names.filter(isCode)).size;
}

test('while the platform is away pages open and what was entered stays; once it is back they go on', async ({ page, platform }) => {
  const banner = page.getByText('The platform does not answer. Trying again');
  await page.goto('/ui/jobs/new');
  await page.getByLabel('Name', { exact: true }).fill('kept while away');
  await expect.poll(() => fetched(page)).toBe(CODE); // of every page, so that each can open
  await platform.stop();
  await page.getByRole('link', { name: 'Datasets' }).click();
  await expect(page.getByRole('heading', { name: 'Datasets' })).toBeVisible();
  await expect(banner).toBeVisible();
  await platform.start();
  await expect(banner).toBeHidden({ timeout: 60_000 });
  await expect(page.getByRole('heading', { name: 'No dataset yet' })).toBeVisible();
  await page.goBack();
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('kept while away');
});
