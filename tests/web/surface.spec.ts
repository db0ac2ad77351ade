/** Every page in every look: no violation that axe knows of, nothing wider than the screen, a picture. */
import AxeBuilder from '@axe-core/playwright';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Page } from '@playwright/test';

import { expect, test } from './platform';

/** Where a picture of every page in every look is left. */
const PICTURES = process.env['SCREENSHOTS'] ?? '/tmp/anneal-web-pictures';
const DOCUMENTS = resolve(__dirname, '../../docs/screenshots');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** Pictures that the documents show: renewed with RENEW_DOCS=1. */
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
  { name: 'phone', scheme: 'light', width: 360, height: 740 },
  { name: 'dark', scheme: 'dark', width: 1280, height: 800 },
  { name: 'wall', scheme: 'dark', width: 3840, height: 2160 },
] as const;

mkdirSync(PICTURES, { recursive: true });
test.use({ contextOptions: { reducedMotion: 'reduce' } }); // axe would see colours on their way

for (const place of PAGES) {
  test(`${place.name}: light, on a phone, dark, on a wall`, async ({ page }) => {
    await page.goto(`/ui/${place.path}`);
    if (place.open) await page.getByRole('link', { name: place.open, exact: true }).first().click();
    await expect(page.getByText(place.ready).first()).toBeVisible();
    if (place.name === 'playground') await chat(page);
    await expect(page.getByRole('status', { name: 'Loading' })).toHaveCount(0);
    for (const look of LOOKS) {
      await page.setViewportSize(look);
      await page.emulateMedia({ colorScheme: look.scheme });
      await settled(page);
      await expect.poll(() => sideways(page), look.name).toBeLessThanOrEqual(0);
      if (look.name !== 'wall') expect(await violations(page), look.name).toEqual([]); // its colours and roles are dark's
      await picture(page, `${place.name}-${look.name}`);
    }
  });
}

/** Until the new look is drawn: no transition is under way. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const frame = () => new Promise(requestAnimationFrame);
    await frame();
    const passing = document.getAnimations().filter((animation) => animation.effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(passing.map((animation) => animation.finished));
    await frame();
  });
}

async function violations(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  return violations.map((found) => `${found.id}: ${found.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
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
  await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });
  if (process.env['RENEW_DOCS'] && SHOWN.has(name)) await page.screenshot({ path: `${DOCUMENTS}/${name}.png` });
}
