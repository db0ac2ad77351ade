/** The whole road in one browser: link → upload → train → reload mid-way → evaluate → export → chat. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

import { expect, test } from './platform';

const STEPS = 40;
const TRAINED_MS = 400_000;

test.describe.configure({ mode: 'serial' });

test('a link signs a browser in and leads to the dashboard', async ({ browser, platform }) => {
  const context = await browser.newContext({ baseURL: platform.url });
  const page = await context.newPage();
  const key = require('node:fs').readFileSync(`${platform.home}/api-key`, 'utf8').trim();
  const made = await context.request.post('/auth/link', { headers: { Authorization: `Bearer ${key}` } });
  await page.goto(((await made.json()) as { path: string }).path);
  await expect(page).toHaveURL(/\/ui\/dashboard$/);
  await expect(page.getByRole('heading', { name: 'From a file to your own model' })).toBeVisible();
  await context.close();
});

test('the sample is uploaded, and its report shows what will be learned', async ({ page }) => {
  await page.goto('/ui/datasets');
  await page.getByRole('button', { name: 'Upload triage.jsonl' }).click();
  await page.getByRole('link', { name: 'Look at the report' }).click();
  await expect(page.getByRole('heading', { name: 'triage', exact: true })).toBeVisible();
  await expect(page.getByText('Training rows')).toBeVisible();
  await expect(page.getByRole('img', { name: /Histogram of row lengths/ })).toBeVisible({ timeout: 60_000 });
  await expect(page.getByLabel('Training text').locator('mark').first()).toContainText('topic');
});

test('a job trains: the curve moves, a reload and a restart of the platform miss and repeat nothing', async ({ page, platform }) => {
  test.setTimeout(TRAINED_MS + 60_000);
  await page.goto('/ui/datasets');
  await page.getByRole('link', { name: 'triage', exact: true }).click();
  await page.getByRole('link', { name: 'Train on it' }).click();
  await page.getByLabel('Name', { exact: true }).fill('triage by browser');
  await page.getByLabel('Steps', { exact: true }).fill(String(STEPS));
  await expect(page.getByLabel('command', { exact: true })).toContainText(`--steps ${STEPS}`);
  await expect(page.getByRole('status').filter({ hasText: 'It fits.' })).toBeVisible({ timeout: 60_000 });
  await page.getByText('Memory by part').click();
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
  await expect(page.getByText('The connection is lost')).toBeVisible();
  await platform.start();
  await expect(page.getByText('The connection is lost')).toBeHidden({ timeout: 60_000 });
  await expect(page.getByText('The model is ready.')).toBeVisible({ timeout: TRAINED_MS });
  await expect.poll(points).toBe(STEPS);
  await expect(page.getByRole('log', { name: 'Log lines' })).toContainText(`${STEPS} steps`);
});

test('the evaluation that followed shows base beside tuned, row by row', async ({ page }) => {
  await page.goto('/ui/evaluations');
  await page.getByRole('link', { name: 'triage by browser' }).click();
  await expect(page.getByRole('cell', { name: 'BLEU' })).toBeVisible({ timeout: 120_000 });
  await expect(page.getByRole('row', { name: /BLEU/ })).toContainText('better');
  await page.getByLabel('Sort by').selectOption({ label: 'BLEU, lowest first' });
  await expect(page.getByRole('article').first()).toContainText('Reference');
  await expect(page.locator('ins').first()).toBeVisible();
});

test('an export is built, checked and downloaded whole', async ({ page }) => {
  await page.goto('/ui/exports');
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  const link = page.getByRole('link', { name: /Download/ });
  await expect(link).toBeVisible({ timeout: 100_000 });
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
  const hash = createHash('sha256');
  for await (const piece of createReadStream(await download.path())) hash.update(piece as Buffer);
  await expect(page.locator('dd code').first()).toHaveText(hash.digest('hex'));
});

test('the model answers in the playground, and its base beside it', async ({ page }) => {
  await page.goto('/ui/playground');
  await expect(page.getByLabel('Beside it')).toHaveValue('seedling');
  await page.getByRole('textbox', { name: 'Message', exact: true }).fill('Hello, I was charged twice. This is urgent.');
  await page.keyboard.press('Enter');
  const answers = page.getByRole('log', { name: 'Messages' }).getByRole('article');
  await expect(answers).toHaveCount(2);
  await expect(answers.first()).toContainText('"topic"', { timeout: 60_000 });
  await expect(answers.first()).toContainText('tokens/s', { timeout: 60_000 });
  await page.getByRole('link', { name: 'Models' }).click();
  await expect(page.getByRole('heading', { name: 'Your models' })).toBeVisible();
  await page.getByRole('link', { name: 'Playground' }).click();
  await expect(answers.first()).toContainText('"topic"'); // no conversation is lost on the way
});

test('a deployed model shows its memory and its use, and stays pinned', async ({ page }) => {
  await page.goto('/ui/models');
  await page.getByRole('link', { name: 'triage by browser' }).first().click();
  await page.getByRole('button', { name: 'Deploy' }).click();
  await page.getByRole('link', { name: 'Models' }).click();
  const row = page.getByRole('region', { name: 'Deployed' }).getByRole('row', { name: 'triage by browser' });
  await expect(row).toContainText(/\d [kM]B/, { timeout: 60_000 });
  const pin = row.getByRole('button', { name: 'Keep triage by browser in memory' });
  await pin.click();
  await expect(pin).toHaveText('Unpin');
  await page.reload();
  await expect(pin).toHaveAttribute('aria-pressed', 'true');
  await row.getByRole('button', { name: 'Undeploy triage by browser' }).click();
  await expect(row).toBeHidden();
});
