/** How a page looks in each color scheme and size: no axe violations, no horizontal overflow, and a screenshot. */
import AxeBuilder from '@axe-core/playwright';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Page } from '@playwright/test';

import { expect } from './platform';

/** The directory for the screenshots. */
const SCREENSHOTS = process.env['SCREENSHOTS'] ?? '/tmp/anneal-web-pictures';
const DOCS_SCREENSHOTS = resolve(__dirname, '../../docs/screenshots');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** The screenshots used in the docs: updated with RENEW_DOCS=1. */
const DOCS_NAMES = new Set(['dashboard-light', 'dashboard-dark', 'dataset-light', 'monitor-dark', 'monitor-phone', 'evaluation-light', 'alias-light', 'lineage-light', 'playground-dark']);

const VIEWPORTS = [
  { name: 'light', scheme: 'light', width: 1280, height: 800 },
  { name: 'phone', scheme: 'light', width: 360, height: 740 },
  { name: 'dark', scheme: 'dark', width: 1280, height: 800 },
  { name: '4k', scheme: 'dark', width: 3840, height: 2160 },
] as const;

mkdirSync(SCREENSHOTS, { recursive: true });

/** Checks the page in every viewport; for tests with `reducedMotion`, so that axe does not measure colors during a transition. */
export async function expectAccessible(page: Page, name: string): Promise<void> {
  for (const viewport of VIEWPORTS) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme: viewport.scheme });
    await waitForTransitions(page);
    await expect.poll(() => horizontalOverflow(page), viewport.name).toBeLessThanOrEqual(0);
    if (viewport.name !== '4k') expect(await axeViolations(page), viewport.name).toEqual([]); // same colors and roles as dark
    await screenshot(page, `${name}-${viewport.name}`);
  }
}

/** Waits until the new color scheme is drawn and no transition is running. */
async function waitForTransitions(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const frame = () => new Promise(requestAnimationFrame);
    await frame();
    const running = document.getAnimations().filter((animation) => animation.effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(running.map((animation) => animation.finished));
    await frame();
  });
}

async function axeViolations(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  return violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
}

/** How many pixels the page is wider than the viewport. */
function horizontalOverflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

async function screenshot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true });
  if (process.env['RENEW_DOCS'] && DOCS_NAMES.has(name)) await page.screenshot({ path: `${DOCS_SCREENSHOTS}/${name}.png` });
}
