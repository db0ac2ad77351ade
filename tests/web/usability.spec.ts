/** Keyboard navigation, bookmarkable views, preserved input, presets and missing pages. Needs the model of full-workflow.spec.ts. */
import type { Page } from '@playwright/test';

import { expect, test } from './platform';

const PAGES = ['dashboard', 'datasets', 'models', 'jobs', 'jobs/new', 'evaluations', 'aliases', 'exports', 'playground', 'webhooks', 'settings'];

test('the skip link works, and a dialog traps and restores the focus', async ({ page }) => {
  await page.goto('/ui/models');
  await expect(page.getByRole('link', { name: 'triage by browser' })).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to main content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(page.locator('main :focus')).toBeVisible();
  await page.getByRole('link', { name: 'triage by browser' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'triage by browser' })).toBeVisible();
  await expect(page.getByRole('main')).toBeFocused();

  const remove = page.getByRole('button', { name: 'Delete' });
  await remove.focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('Used by evaluation');
  for (const name of ['Cancel', 'Delete model', 'Cancel']) { // the focus cycles within the dialog
    await expect(dialog.getByRole('button', { name })).toBeFocused();
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(remove).toBeFocused();
});

test('every focusable element has a visible focus indicator', async ({ page }) => {
  for (const path of PAGES) {
    await page.goto(`/ui/${path}`);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await expect(page.getByRole('status', { name: 'Loading' })).toHaveCount(0);
    expect(await withoutFocusIndicator(page), path).toEqual([]);
  }
});

/** The focusable elements that look the same with and without focus. */
async function withoutFocusIndicator(page: Page): Promise<string[]> {
  await page.keyboard.press('Tab'); // makes the browser show focus indicators
  return page.evaluate(() => {
    const appearance = (element: Element) => {
      const shown = element.closest('mat-form-field, label') ?? element;
      const parts = [element, ...element.parentElement!.querySelectorAll(':scope > span'), ...shown.querySelectorAll('.mdc-notched-outline > *, .mat-focus-indicator, span')];
      return parts.map((part) => [getComputedStyle(part), getComputedStyle(part, '::before')].map((style) => `${style.outline}${style.borderTop}${style.boxShadow}${style.opacity}${style.display}`).join()).join() + getComputedStyle(shown).outline;
    };
    const focusable = [...document.querySelectorAll<HTMLElement>('a[href], button:not(:disabled), input:not(:disabled), select, textarea, summary, [tabindex="0"]')];
    const visible = focusable.filter((element) => element.checkVisibility({ visibilityProperty: true }));
    return visible
      .filter((element) => {
        (document.activeElement as HTMLElement | null)?.blur();
        const before = appearance(element);
        element.focus();
        return document.activeElement === element && appearance(element) === before;
      })
      .map((element) => element.outerHTML.slice(0, 120));
  });
}

test('a URL restores the view, and navigation keeps form input', async ({ page }) => {
  await page.goto('/ui/jobs?state=succeeded');
  await expect(page.getByRole('radio', { name: 'succeeded' })).toBeChecked();
  await page.getByText('failed', { exact: true }).click();
  await expect(page).toHaveURL(/state=failed/);
  await expect(page.getByText('Nothing matches the search and filters.')).toBeVisible();

  await page.goto('/ui/evaluations');
  await page.getByLabel('Max rows').fill('7');
  await page.getByLabel(/^BLEU/).check();
  await page.getByRole('link', { name: 'triage by browser' }).click();
  await page.getByLabel('Sort by').selectOption({ label: 'BLEU, highest first' });
  await page.getByRole('button', { name: 'Next' }).click();
  await expect(page.getByText('21–31 of 31')).toBeVisible();
  const url = page.url();
  await page.getByRole('link', { name: 'Evaluation', exact: true }).click();
  await expect(page.getByLabel('Max rows')).toHaveValue('7');
  await expect(page.getByLabel(/^BLEU/)).toBeChecked();
  await page.goto(url);
  await expect(page.getByText('21–31 of 31')).toBeVisible();
  await expect(page.getByLabel('Sort by')).toHaveValue('-bleu');
});

test('before a deletion, what was made from the dataset is listed', async ({ page }) => {
  await page.goto('/ui/datasets?q=triage');
  await page.getByRole('checkbox', { name: 'Select triage', exact: true }).check();
  await page.getByRole('button', { name: 'Delete 1' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('heading')).toHaveText('Delete triage?');
  for (const used of ['Used by job triage by browser', 'Used by model triage by browser']) await expect(dialog.getByRole('listitem').filter({ hasText: used })).toHaveCount(1);
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('link', { name: 'triage', exact: true })).toBeVisible();
});

test('a test set is uploaded from the evaluation page', async ({ page }) => {
  await page.goto('/ui/evaluations');
  const rows = Array.from({ length: 3 }, (_, i) => JSON.stringify({ prompt: `My order ${i} has not arrived.`, completion: '{"topic":"delivery"}' }));
  await page.getByLabel('Upload a test set').setInputFiles({ name: 'own-test.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(rows.join('\n')) });
  await expect(page.getByText('3 rows ready')).toBeVisible();
  await expect(page.getByLabel('Dataset', { exact: true }).locator('option:checked')).toHaveText('own-test');
  await page.getByRole('button', { name: 'Evaluate' }).click();
  await expect(page.getByText('3 validation rows')).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole('cell', { name: 'BLEU' })).toBeVisible({ timeout: 60_000 });
});

test('a private preset is saved, and renaming a model shows the name at once', async ({ page }) => {
  await page.goto('/ui/jobs/new');
  await page.getByLabel('Max steps', { exact: true }).fill('12');
  await page.getByText('Save as preset').click();
  await page.getByLabel('Preset name').fill('short');
  await page.getByLabel('Share with project').uncheck();
  await page.getByRole('button', { name: 'Save preset' }).click();
  await expect(page.getByText('Only you can use it.')).toBeVisible();
  await expect(page.locator('optgroup[label="Private"] option')).toHaveText('short');
  await page.getByLabel('Max steps', { exact: true }).fill('');
  await page.getByLabel('Preset', { exact: true }).selectOption('short');
  await expect(page.getByLabel('Max steps', { exact: true })).toHaveAttribute('placeholder', '12');
  await expect(page.getByText('From the preset')).toBeVisible();
  await page.goto('/ui/settings');
  await expect(page.getByText('Private', { exact: true })).toBeVisible();

  await page.goto('/ui/models');
  await page.getByRole('link', { name: 'triage by browser' }).click();
  const patched = page.waitForResponse((response) => response.request().method() === 'PATCH');
  await page.route('**/models/custom/*', async (route) => {
    if (route.request().method() === 'PATCH') await expect(page.getByRole('heading', { name: 'triage, renamed' })).toBeVisible();
    await route.continue();
  });
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.getByLabel('Name', { exact: true }).fill('triage, renamed');
  await page.getByRole('button', { name: 'Save' }).click();
  expect((await patched).ok()).toBe(true);
  await page.reload();
  await expect(page.getByRole('heading', { name: 'triage, renamed' })).toBeVisible();
});

test('a missing job shows an error with its trace id', async ({ page }) => {
  await page.goto('/ui/jobs/job_nowhere');
  await expect(page.getByRole('alert')).toContainText(/Trace [0-9a-f]{16}/);
});
