/** Ways to use the app besides the mouse on the straight road: keyboard, addresses, going back, asking too much. Needs road.spec's model. */
import type { Page } from '@playwright/test';

import { expect, test } from './platform';

const PAGES = ['dashboard', 'datasets', 'models', 'jobs', 'jobs/new', 'evaluations', 'exports', 'playground', 'settings'];

test('the keyboard alone reaches the page, and a dialog gives the focus back', async ({ page }) => {
  await page.goto('/ui/models');
  await expect(page.getByRole('link', { name: 'triage by browser' })).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the page' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'triage by browser' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'triage by browser' })).toBeVisible();
  await expect(page.getByRole('main')).toBeFocused();

  const remove = page.getByRole('button', { name: 'Delete' });
  await remove.focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('1 evaluation');
  for (const name of ['Keep', 'Delete model', 'Keep']) { // round and round, never behind it
    await expect(dialog.getByRole('button', { name })).toBeFocused();
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(remove).toBeFocused();
});

test('whatever has the focus shows it', async ({ page }) => {
  for (const path of PAGES) {
    await page.goto(`/ui/${path}`);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await expect(page.getByRole('status', { name: 'Loading' })).toHaveCount(0);
    expect(await unmarked(page), path).toEqual([]);
  }
});

/** What can be tabbed to and looks the same with the focus and without. */
async function unmarked(page: Page): Promise<string[]> {
  await page.keyboard.press('Tab'); // from here on the browser shows the focus
  return page.evaluate(() => {
    const look = (element: Element) => {
      const shown = element.closest('mat-form-field, label') ?? element;
      const parts = [element, ...element.parentElement!.querySelectorAll(':scope > span'), ...shown.querySelectorAll('.mdc-notched-outline > *, .mat-focus-indicator, span')];
      return parts.map((part) => [getComputedStyle(part), getComputedStyle(part, '::before')].map((style) => `${style.outline}${style.borderTop}${style.boxShadow}${style.opacity}${style.display}`).join()).join() + getComputedStyle(shown).outline;
    };
    const reachable = [...document.querySelectorAll<HTMLElement>('a[href], button:not(:disabled), input:not(:disabled), select, textarea, summary, [tabindex="0"]')];
    const visible = reachable.filter((element) => element.checkVisibility({ visibilityProperty: true }));
    return visible
      .filter((element) => {
        (document.activeElement as HTMLElement | null)?.blur();
        const before = look(element);
        element.focus();
        return document.activeElement === element && look(element) === before;
      })
      .map((element) => element.outerHTML.slice(0, 120));
  });
}

test('an address leads to the same view again, and going away and back loses nothing', async ({ page }) => {
  await page.goto('/ui/jobs?state=succeeded');
  await expect(page.getByRole('radio', { name: 'succeeded' })).toBeChecked();
  await page.getByText('failed', { exact: true }).click();
  await expect(page).toHaveURL(/state=failed/);
  await expect(page.getByText('No job is failed.')).toBeVisible();

  await page.goto('/ui/evaluations');
  await page.getByLabel('Rows at most').fill('7');
  await page.getByLabel(/^BLEU/).check();
  await page.getByRole('link', { name: 'triage by browser' }).click();
  await page.getByLabel('Sort by').selectOption({ label: 'BLEU, highest first' });
  await page.getByRole('button', { name: 'Next' }).click();
  await expect(page.getByText('21–31 of 31')).toBeVisible();
  const address = page.url();
  await page.getByRole('link', { name: 'Evaluation', exact: true }).click();
  await expect(page.getByLabel('Rows at most')).toHaveValue('7');
  await expect(page.getByLabel(/^BLEU/)).toBeChecked();
  await page.goto(address);
  await expect(page.getByText('21–31 of 31')).toBeVisible();
  await expect(page.getByLabel('Sort by')).toHaveValue('-bleu');
});

test('a test set of one\'s own is uploaded where it is needed', async ({ page }) => {
  await page.goto('/ui/evaluations');
  const rows = Array.from({ length: 3 }, (_, i) => JSON.stringify({ prompt: `My order ${i} has not arrived.`, completion: '{"topic":"delivery"}' }));
  await page.getByLabel('A test set of your own').setInputFiles({ name: 'own-test.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(rows.join('\n')) });
  await expect(page.getByText('3 rows ready')).toBeVisible();
  await expect(page.getByLabel('Dataset', { exact: true }).locator('option:checked')).toHaveText('own-test');
  await page.getByRole('button', { name: 'Evaluate' }).click();
  await expect(page.getByText('3 rows of validation')).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole('cell', { name: 'BLEU' })).toBeVisible({ timeout: 60_000 });
});

test('a preset of one\'s own is kept, and a renamed model shows its name at once', async ({ page }) => {
  await page.goto('/ui/jobs/new');
  await page.getByLabel('Steps', { exact: true }).fill('12');
  await page.getByText('Save these settings as a preset').click();
  await page.getByLabel('Name of the preset').fill('short');
  await page.getByLabel('for everyone in this project').uncheck();
  await page.getByRole('button', { name: 'Save preset' }).click();
  await expect(page.getByText('Only you can use it.')).toBeVisible();
  await expect(page.locator('optgroup[label="Yours alone"] option')).toHaveText('short');
  await page.getByLabel('Steps', { exact: true }).fill('');
  await page.getByLabel('Preset', { exact: true }).selectOption('short');
  await expect(page.getByText('12 from the preset')).toBeVisible();
  await page.goto('/ui/settings');
  await expect(page.getByText('yours alone')).toBeVisible();

  await page.goto('/ui/models');
  await page.getByRole('link', { name: 'triage by browser' }).click();
  const answered = page.waitForResponse((response) => response.request().method() === 'PATCH');
  await page.route('**/models/custom/*', async (route) => {
    if (route.request().method() === 'PATCH') await expect(page.getByRole('heading', { name: 'triage, renamed' })).toBeVisible();
    await route.continue();
  });
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.getByLabel('Name', { exact: true }).fill('triage, renamed');
  await page.getByRole('button', { name: 'Save' }).click();
  expect((await answered).ok()).toBe(true);
  await page.reload();
  await expect(page.getByRole('heading', { name: 'triage, renamed' })).toBeVisible();
});

test('what is not there says so, with a trace for the log', async ({ page }) => {
  await page.goto('/ui/jobs/job_nowhere');
  await expect(page.getByRole('alert')).toContainText(/Trace [0-9a-f]{16}/);
});
