/** Every page in each color scheme and size (appearance.ts). */
import type { Page } from '@playwright/test';

import { expectAccessible } from './appearance';
import { expect, test } from './platform';

const PAGES: { name: string; path: string; open?: string | RegExp; ready: string | RegExp }[] = [
  { name: 'dashboard', path: 'dashboard', ready: 'Recent activity' },
  { name: 'datasets', path: 'datasets', ready: 'Sample datasets' },
  { name: 'dataset', path: 'datasets', open: 'triage', ready: /Tokens per row/ },
  { name: 'models', path: 'models', ready: 'Add a base model' },
  { name: 'model', path: 'models', open: 'triage by browser', ready: 'Use this model' },
  { name: 'jobs', path: 'jobs', ready: 'triage by browser' },
  { name: 'new-job', path: 'jobs/new', ready: 'CLI & API' },
  { name: 'monitor', path: 'jobs', open: 'triage by browser', ready: 'Model ready' },
  { name: 'evaluations', path: 'evaluations', ready: 'New evaluation' },
  { name: 'evaluation', path: 'evaluations', open: 'triage by browser', ready: 'Predictions' },
  { name: 'exports', path: 'exports', ready: /^\d+ files$/ },
  { name: 'aliases', path: 'aliases', ready: 'No aliases yet' },
  { name: 'webhooks', path: 'webhooks', ready: 'No webhooks yet' },
  { name: 'usage', path: 'usage', ready: 'Set the limits of the project default' },
  { name: 'playground', path: 'playground', ready: 'Sampling' },
  { name: 'members', path: 'members', ready: 'Project default' },
  { name: 'audit', path: 'audit', ready: 'Download JSON Lines' },
  { name: 'settings', path: 'settings', ready: 'System status' },
  { name: 'not-found', path: 'nowhere', ready: 'Page not found' },
];

test.use({ contextOptions: { reducedMotion: 'reduce' } }); // see appearance.ts

for (const entry of PAGES) {
  test(`${entry.name}: light, on a phone, dark, on a 4k display`, async ({ page }) => {
    await page.goto(`/ui/${entry.path}`);
    if (entry.open) await page.getByRole('link', { name: entry.open, exact: true }).first().click();
    await expect(page.getByText(entry.ready).first()).toBeVisible();
    if (entry.name === 'playground') await chat(page);
    await expect(page.getByRole('status', { name: 'Loading' })).toHaveCount(0);
    await expectAccessible(page, entry.name);
  });
}

async function chat(page: Page): Promise<void> {
  await page.getByRole('textbox', { name: 'Message', exact: true }).fill('Hello, I was charged twice. This is urgent.');
  await expect(page.getByRole('button', { name: 'Send' })).toBeEnabled(); // the models are listed
  await page.keyboard.press('Enter');
  await expect(page.getByText('tokens/s').first()).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole('button', { name: 'Send' })).toBeVisible({ timeout: 60_000 });
}
