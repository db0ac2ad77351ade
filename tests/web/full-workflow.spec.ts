/** The full workflow: sign in, upload, train with a reload in between, evaluate, export, chat, deploy. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

import { expect, test } from './platform';

const STEPS = 40;
const TRAINING_TIMEOUT_MS = 400_000;

test.describe.configure({ mode: 'serial' });

test('a link signs a browser in and leads to the dashboard', async ({ browser, platform }) => {
  const context = await browser.newContext({ baseURL: platform.url, storageState: { cookies: [], origins: [] } });
  const page = await context.newPage();
  const key = require('node:fs').readFileSync(`${platform.home}/api-key`, 'utf8').trim();
  const response = await context.request.post('/auth/link', { headers: { Authorization: `Bearer ${key}` } });
  await page.goto(((await response.json()) as { path: string }).path);
  await expect(page).toHaveURL(/\/ui\/dashboard$/);
  await expect(page.getByRole('heading', { name: 'Get started' })).toBeVisible();
  await context.close();
});

test('a sample dataset is uploaded; its page shows the report and what is trained on', async ({ page }) => {
  await page.goto('/ui/datasets');
  await page.getByRole('button', { name: 'Upload triage.jsonl' }).click();
  await page.getByRole('link', { name: 'View dataset' }).click();
  await expect(page.getByRole('heading', { name: 'triage', exact: true })).toBeVisible();
  await expect(page.getByText('Training rows')).toBeVisible();
  await expect(page.getByRole('img', { name: /Histogram of row lengths/ })).toBeVisible({ timeout: 60_000 });
  await expect(page.getByLabel('Training example').locator('mark').first()).toContainText('topic');
});

test('a job trains; its loss chart survives a page reload and a platform restart', async ({ page, platform }) => {
  test.setTimeout(TRAINING_TIMEOUT_MS + 60_000);
  await page.goto('/ui/datasets');
  await page.getByRole('link', { name: 'triage', exact: true }).click();
  await page.getByRole('link', { name: 'Train a model' }).click();
  await page.getByLabel('Name', { exact: true }).fill('triage by browser');
  await page.getByLabel('Max steps', { exact: true }).fill(String(STEPS));
  await expect(page.getByLabel('command', { exact: true })).toContainText(`--steps ${STEPS}`);
  await expect(page.getByRole('status').filter({ hasText: 'Fits in memory' })).toBeVisible({ timeout: 60_000 });
  await page.getByText('Memory breakdown').click();
  await expect(page.getByText('Activations')).toBeVisible();
  await page.getByRole('button', { name: 'Start training' }).click();
  await expect(page).toHaveURL(/\/ui\/jobs\/job_/);

  const chart = page.getByRole('img', { name: /Chart of Loss/ });
  const points = async () => Number(/after (\d+) points/.exec((await chart.getAttribute('aria-label')) ?? '')?.[1] ?? 0);
  await expect.poll(points, { timeout: 60_000 }).toBeGreaterThan(3);
  const before = await points();
  await expect.poll(points, { timeout: 60_000 }).toBeGreaterThan(before);

  await page.reload();
  await expect.poll(points, { timeout: 60_000 }).toBeGreaterThanOrEqual(before);
  await platform.stop();
  await expect(page.getByText('Connection lost')).toBeVisible();
  await platform.start();
  await expect(page.getByText('Connection lost')).toBeHidden({ timeout: 60_000 });
  await expect(page.getByText('Model ready')).toBeVisible({ timeout: TRAINING_TIMEOUT_MS });
  await expect.poll(points).toBe(STEPS);
  await expect(page.getByRole('log', { name: 'Log lines' })).toContainText(`${STEPS} steps`);
});

test('the follow-up evaluation compares the fine-tuned model with its base model', async ({ page }) => {
  await page.goto('/ui/evaluations');
  await page.getByRole('link', { name: 'triage by browser' }).click();
  await expect(page.getByRole('cell', { name: 'BLEU' })).toBeVisible({ timeout: 120_000 });
  await expect(page.getByRole('row', { name: /BLEU/ })).toContainText('better');
  await page.getByLabel('Sort by').selectOption({ label: 'BLEU, lowest first' });
  await expect(page.getByRole('article').first()).toContainText('Reference');
  await expect(page.locator('ins').first()).toBeVisible();
});

test('an export is built, verified and downloaded completely', async ({ page }) => {
  await page.goto('/ui/exports');
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  const link = page.getByRole('region', { name: /^Export of triage by browser/ }).getByRole('link', { name: /^Download/ });
  await expect(link).toBeVisible({ timeout: 100_000 });
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(await download.path())) hash.update(chunk as Buffer);
  await expect(page.locator('dd code').first()).toHaveText(hash.digest('hex'));
});

test('the playground compares the model with its base model', async ({ page }) => {
  await page.goto('/ui/playground');
  await expect(page.getByLabel('Compare with')).toHaveValue('seedling');
  await page.getByRole('textbox', { name: 'Message', exact: true }).fill('Hello, I was charged twice. This is urgent.');
  await page.keyboard.press('Enter');
  const completions = page.getByRole('log', { name: 'Messages' }).getByRole('article');
  await expect(completions).toHaveCount(2);
  await expect(completions.first()).toContainText('"topic"', { timeout: 60_000 });
  await expect(completions.first()).toContainText('tokens/s', { timeout: 60_000 });
  await page.getByRole('link', { name: 'Models' }).click();
  await expect(page.getByRole('heading', { name: 'Custom models' })).toBeVisible();
  await page.getByRole('link', { name: 'Playground' }).click();
  await expect(completions.first()).toContainText('"topic"'); // the conversation survives navigation
});

test('a deployment shows its memory and can be pinned', async ({ page }) => {
  await page.goto('/ui/models');
  await page.getByRole('link', { name: 'triage by browser' }).first().click();
  await page.getByRole('button', { name: 'Deploy' }).click();
  await page.getByRole('link', { name: 'Models' }).click();
  const row = page.getByRole('region', { name: 'Deployments' }).getByRole('row', { name: 'triage by browser' });
  await expect(row).toContainText(/\d [kM]B/, { timeout: 60_000 });
  const pin = row.getByRole('button', { name: 'Pin triage by browser in memory' });
  await pin.click();
  await expect(pin).toHaveText('Unpin');
  await page.reload();
  await expect(pin).toHaveAttribute('aria-pressed', 'true');
  await row.getByRole('button', { name: 'Undeploy triage by browser' }).click();
  await expect(row).toBeHidden();
});
