/** Every page, light and dark, wide and on a phone: no violation that axe knows of, nothing wider than the screen, a picture. */
import AxeBuilder from '@axe-core/playwright';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Page } from '@playwright/test';

import { expect, test } from './platform';

const PICTURES = resolve(__dirname, '../../docs/screenshots');
const ALL = process.env['SCREENSHOTS'];
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** Pictures that the documents show; SCREENSHOTS=folder keeps one of every page instead. */
const SHOWN = new Set(['dashboard-light', 'dashboard-dark', 'dataset-light', 'monitor-dark', 'monitor-phone', 'evaluation-light', 'playground-dark']);

const PAGES: { name: string; path: string; open?: string | RegExp; ready: string | RegExp }[] = [
  { name: 'dashboard', path: 'dashboard', ready: 'Lately' },
  { name: 'datasets', path: 'datasets', ready: 'Samples that come with Anneal' },
  { name: 'dataset', path: 'datasets', open: 'triage', ready: /Tokens of/ },
  { name: 'models', path: 'models', ready: 'Bring a base model' },
  { name: 'model', path: 'models', open: 'triage by browser', ready: 'Ask it from elsewhere' },
  { name: 'jobs', path: 'jobs', ready: 'triage by browser' },
  { name: 'new-job', path: 'jobs/new', ready: 'Ready to start' },
  { name: 'monitor', path: 'jobs', open: 'triage by browser', ready: 'The model is ready.' },
  { name: 'evaluations', path: 'evaluations', ready: 'History' },
  { name: 'evaluation', path: 'evaluations', open: 'triage by browser', ready: 'Row by row' },
  { name: 'exports', path: 'exports', ready: /Its \d+ files/ },
  { name: 'playground', path: 'playground', ready: 'Sampling' },
  { name: 'settings', path: 'settings', ready: 'This platform' },
  { name: 'not-found', path: 'nowhere', ready: 'There is no such page' },
];
const LOOKS = [
  { name: 'light', scheme: 'light', width: 1280, height: 800 },
  { name: 'dark', scheme: 'dark', width: 1280, height: 800 },
  { name: 'phone', scheme: 'light', width: 360, height: 740 },
] as const;

mkdirSync(ALL ?? PICTURES, { recursive: true });

for (const look of LOOKS) {
  test.describe(look.name, () => {
    test.use({ colorScheme: look.scheme, viewport: { width: look.width, height: look.height } });
    for (const place of PAGES) {
      test(place.name, async ({ page }) => {
        await page.goto(`/ui/${place.path}`);
        if (place.open) await page.getByRole('link', { name: place.open, exact: true }).first().click();
        await expect(page.getByText(place.ready).first()).toBeVisible();
        if (place.name === 'playground') await chat(page);
        await expect(page.getByRole('status', { name: 'Loading' })).toHaveCount(0);
        await expect.poll(() => sideways(page)).toBeLessThanOrEqual(0);
        const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
        expect(violations.map((found) => `${found.id}: ${found.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`)).toEqual([]);
        await picture(page, `${place.name}-${look.name}`);
      });
    }
  });
}

async function chat(page: Page): Promise<void> {
  await page.getByRole('textbox', { name: 'Message', exact: true }).fill('Hello, I was charged twice. This is urgent.');
  await page.keyboard.press('Enter');
  await expect(page.getByText('tokens/s').first()).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole('button', { name: 'Send' })).toBeVisible({ timeout: 60_000 });
}

/** Pixels by which the page is wider than the screen. */
function sideways(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

async function picture(page: Page, name: string): Promise<void> {
  if (ALL) await page.screenshot({ path: `${ALL}/${name}.png`, fullPage: true });
  else if (SHOWN.has(name)) await page.screenshot({ path: `${PICTURES}/${name}.png` });
}
