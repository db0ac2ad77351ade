/** Lists of 2,000 jobs and 1,000 datasets (tests/support/long_lists.py), on a platform of their own. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page } from '@playwright/test';

import { expectAccessible } from './appearance';
import { expect, Platform, PYTHON, ROOT, test } from './platform';

const [JOBS, DATASETS] = [2000, 1000];

test.describe.configure({ mode: 'serial' });

let platform: Platform;
let context: BrowserContext;
let page: Page;

test.beforeAll(async ({ browser }) => {
  platform = new Platform(mkdtempSync(join(tmpdir(), 'anneal-lists-')), { ANNEAL_WARM_ENGINES: 'false' });
  execFileSync(PYTHON, ['-m', 'tests.support.long_lists', platform.home, String(JOBS), String(DATASETS)], { cwd: ROOT });
  await platform.start();
  context = await platform.newSession(browser);
  page = await context.newPage();
  await page.emulateMedia({ reducedMotion: 'reduce' }); // see appearance.ts
});

test.afterAll(async () => {
  await context.close();
  await platform.stop();
  rmSync(platform.home, { recursive: true, force: true });
});

test('2,000 jobs are searched, sorted, grouped and paged through; the address keeps it', async () => {
  await page.goto('/ui/jobs');
  await expect(page.getByText('2,000 of 2,000 jobs')).toBeVisible();
  const rows = page.getByRole('table').getByRole('row');
  await expect(rows).toHaveCount(101);
  await page.getByRole('searchbox', { name: 'Search jobs' }).fill('RUN 1234');
  await expect(page.getByText('1 of 2,000 jobs')).toBeVisible();
  await page.getByRole('searchbox', { name: 'Search jobs' }).fill('');
  await page.getByLabel('Group by').selectOption('method');
  await expect(page.getByRole('rowheader', { name: 'LoRA (667)' })).toBeVisible();
  await page.getByRole('button', { name: 'Learning rate' }).click();
  const pages = page.getByRole('navigation', { name: 'Pages of jobs' });
  await pages.getByRole('button', { name: 'Next' }).click();
  await expect(pages).toContainText('101–200 of 2,000');
  await page.reload();
  await expect(pages).toContainText('101–200 of 2,000');
  await expect(page.getByLabel('Group by')).toHaveValue('method');
  await expect(page.getByRole('columnheader', { name: 'Learning rate' })).toHaveAttribute('aria-sort', 'descending');
  await page.getByRole('searchbox', { name: 'Search jobs' }).fill('run 1234');
  await expectAccessible(page, 'jobs-grouped');
});

test('a view is saved under a name, and its rows as CSV', async () => {
  await page.goto('/ui/jobs?state=failed&method=full&sort=name&columns=name,dataset,learning_rate');
  await page.getByText('Views', { exact: true }).click();
  await page.getByLabel('Name of the view').fill('failed, full');
  await page.getByRole('button', { name: 'Save this view' }).click();
  await page.goto('/ui/jobs');
  await page.getByText('Views', { exact: true }).click();
  await page.getByRole('link', { name: 'failed, full' }).click();
  await expect(page.getByRole('radio', { name: 'failed' })).toBeChecked();
  const count = (await page.getByRole('status').filter({ hasText: 'of 2,000 jobs' }).textContent())!;
  const shown = Number(/(\d+) of/.exec(count)![1]);
  const [csv] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Shown jobs as CSV' }).click()]);
  const lines = readFileSync(await csv.path(), 'utf8').trim().split('\r\n');
  expect(lines[0]).toBe('id,Name,Dataset,Learning rate');
  expect(lines).toHaveLength(1 + shown);
});

test('1,000 datasets: those selected on several pages are deleted at once, as one line of activity', async () => {
  await page.goto('/ui/datasets');
  await expect(page.getByText('1,000 of 1,000 datasets')).toBeVisible();
  const search = page.getByRole('searchbox', { name: 'Search datasets' });
  await search.fill('ds_long0099');
  await page.getByRole('checkbox', { name: 'Select all datasets' }).check(); // 990 to 999
  await expect(page.getByText('10 selected')).toBeVisible();
  await expectAccessible(page, 'datasets-selected');
  await page.getByRole('button', { name: 'Delete 10' }).click();
  await expect(page.getByRole('dialog')).toContainText('and 2 more');
  await page.getByRole('button', { name: 'Delete datasets' }).click();
  await expect(page.getByText('Deleted 10 datasets.')).toBeVisible();
  await search.fill('');
  await expect(page.getByText('990 of 990 datasets')).toBeVisible();
  await page.reload();
  await expect(page.getByText('990 of 990 datasets')).toBeVisible();
  await page.goto('/ui/dashboard');
  const activity = page.getByRole('region', { name: 'Recent activity' });
  await expect(activity.getByText('10 datasets deleted')).toBeVisible();
  await expect(activity.getByText(/deleted/)).toHaveCount(1);
});
