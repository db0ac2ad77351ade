/** What became of the data: an imported dataset's report, rows that a template cannot show, labelled answers, and the warnings of a job. */
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expectAccessible } from './appearance';
import { expect, test } from './platform';

const TRAINING_TIMEOUT_MS = 120_000;
const ROWS = Array.from({ length: 24 }, (_, n) => {
  const answer = { role: 'assistant', content: String(n + 1), ...(n % 3 ? {} : { reasoning_content: 'One more.' }) };
  return { messages: [{ role: 'user', content: `What is ${n} + 1?` }, answer], mood: 'calm' };
});
const LABELLED = Array.from({ length: 24 }, (_, n) => ({ prompt: `Is ${n} odd?`, completion: n % 4 < 2 ? 'No' : 'Yes', label: n % 2 === 0 }));
const toLines = (rows: unknown[]) => rows.map((row) => JSON.stringify(row)).join('\n');

/** A web server with one file; the platform may import from 127.0.0.1 (platform.ts). */
let server: Server;

test.describe.configure({ mode: 'serial' });
test.use({ contextOptions: { reducedMotion: 'reduce' } }); // see appearance.ts
test.beforeAll(async () => {
  server = createServer((_, response) => response.end(toLines(ROWS)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
test.afterAll(() => server.close());

test('a dataset is imported from a web address; its page says what became of every column', async ({ page }) => {
  await page.goto('/ui/datasets');
  await page.getByText('Import from Hugging Face').click();
  await expect(page.getByLabel('Access token')).toHaveAttribute('type', 'password');
  await expectAccessible(page, 'import');
  await page.getByRole('radio', { name: 'Web address' }).check({ force: true });
  await expect(page.getByLabel('Access token')).toBeHidden();
  await page.getByLabel('URL', { exact: true }).fill(`http://127.0.0.1:${(server.address() as AddressInfo).port}/sums.jsonl`);
  await page.getByRole('button', { name: 'Import', exact: true }).click();
  await page.getByRole('region', { name: /Import of/ }).getByRole('link', { name: 'View dataset' }).click({ timeout: 60_000 });

  await expect(page.getByRole('heading', { name: 'sums', exact: true })).toBeVisible();
  await expect(page.getByText('Ready, 1 warning')).toBeVisible();
  const warning = page.getByRole('group', { name: 'Warning columns_not_understood' });
  for (const text of ['1 found, for example mood', 'What to do:']) await expect(warning).toContainText(text);
  await expect(page.getByRole('row', { name: 'mood Not understood 24' })).toBeVisible();
  await expect(page.getByRole('row', { name: 'messages Used 24 the conversation' })).toBeVisible();
  await expect(page.getByRole('row', { name: 'Reasoning 8 sums.jsonl:1 No' })).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText('never trained on')).toBeVisible();
  await expect(page.getByText('assistant (reasoning) One more.').first()).toBeVisible();
  await expectAccessible(page, 'dataset-warnings');
});

test('a base model shows its name and its warnings where it is registered and where it is chosen', async ({ page }) => {
  const folder = mkdtempSync(join(tmpdir(), 'anneal-base-'));
  cpSync(join(__dirname, '../../services/training/seedling'), folder, { recursive: true });
  writeFileSync(join(folder, 'pytorch_model.bin'), 'never read');
  await page.goto('/ui/models');
  await page.getByRole('radio', { name: 'Folder' }).check({ force: true });
  await page.getByLabel('Folder on the server').fill(folder);
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('sprout');
  await page.getByRole('button', { name: 'Register' }).click();
  const added = page.getByRole('region', { name: 'Added base models' });
  await expect(added.getByText('Ready, 1 warning')).toBeVisible({ timeout: 60_000 });
  await expect(added.getByRole('group', { name: /^Warning/ })).toContainText('pytorch_model.bin');
  await expectAccessible(page, 'base-model-warnings');
  await page.getByRole('link', { name: 'Train sprout' }).click();
  await expect(page.getByLabel('Base model')).toHaveValue('sprout');
  await expect(page.getByRole('group', { name: /^Warning/ })).toContainText('pytorch_model.bin');
});

test('an import that fails says why', async ({ page }) => {
  await page.goto('/ui/datasets');
  await page.getByText('Import from Hugging Face').click();
  await page.getByRole('radio', { name: 'Web address' }).check({ force: true });
  await page.getByLabel('URL', { exact: true }).fill('https://localhost/rows.jsonl');
  await page.getByRole('button', { name: 'Import', exact: true }).click();
  const item = page.getByRole('region', { name: 'Import of https://localhost/rows.jsonl' });
  await expect(item.getByRole('alert')).toContainText('The import failed', { timeout: 30_000 });
  await item.getByRole('button', { name: /Dismiss/ }).click();
  await expect(item).toBeHidden();
});

test('rows that the chat template cannot show are refused or skipped, and the job says so', async ({ page }) => {
  test.setTimeout(TRAINING_TIMEOUT_MS + 60_000);
  await page.goto('/ui/datasets');
  await page.getByRole('link', { name: 'sums', exact: true }).click();
  await page.getByRole('link', { name: 'Train a model' }).click();
  await page.getByLabel('Max steps', { exact: true }).fill('4');
  for (const task of await page.getByRole('region', { name: 'After training' }).getByRole('checkbox').all()) await task.uncheck();
  const warning = page.getByRole('group', { name: 'Warning unsupported_rows' });
  await expect(warning).toContainText('8 found, for example sums.jsonl:1', { timeout: 60_000 });
  await expect(page.getByRole('radio', { name: 'Refuse the job' })).toBeChecked();
  await page.getByRole('button', { name: 'Start training' }).click();
  await expect(page.getByRole('alert')).toContainText('8 rows have reasoning');
  await expectAccessible(page, 'new-job-unsupported');
  await page.getByRole('radio', { name: /Skip these rows/ }).check();
  await expect(page.getByRole('alert')).toBeHidden();
  await expect(page.getByLabel('command', { exact: true })).toContainText('--unsupported-rows skip');
  await page.getByRole('button', { name: 'Start training' }).click();
  await expect(page).toHaveURL(/\/ui\/jobs\/job_/);
  await expect(page.getByText('Model ready')).toBeVisible({ timeout: TRAINING_TIMEOUT_MS });
  const skipped = page.getByRole('group', { name: 'Warning rows_not_shown_by_template' });
  for (const text of ['8 found, for example sums.jsonl:1', 'What to do:']) await expect(skipped).toContainText(text);
  await expect(page.getByText(/^Succeeded, \d+ warnings?$/)).toBeVisible();
});

test('an evaluation says that it scores training rows', async ({ page }) => {
  await page.goto('/ui/evaluations');
  await page.getByLabel('Split').selectOption('train');
  await page.getByRole('button', { name: 'Evaluate', exact: true }).click();
  await expect(page).toHaveURL(/\/ui\/evaluations\/eval/);
  await expect(page.getByRole('group', { name: 'Warning scored_on_training_rows' })).toContainText('What to do:', { timeout: 60_000 });
  await expect(page.getByText(/^Succeeded, \d+ warnings$/)).toBeVisible();
  await expectAccessible(page, 'evaluation-warnings');
});

test('labelled answers are trained with KTO', async ({ page }) => {
  await page.goto('/ui/datasets');
  await page.locator('input[type=file]').setInputFiles({ name: 'labelled.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(toLines(LABELLED)) });
  await page.getByRole('button', { name: 'Upload', exact: true }).click();
  await page.getByRole('link', { name: 'View dataset' }).click();
  await page.getByRole('link', { name: 'Train a model' }).click();
  await expect(page.getByRole('radio', { name: /KTO/ })).toBeChecked();
  await page.getByLabel('Undesirable weight').fill('2');
  await expect(page.getByLabel('API request', { exact: true })).toContainText('"undesirable_weight":2');
  await expect(page.getByRole('region', { name: 'Estimate' })).toContainText('steps', { timeout: 60_000 });
  await page.getByRole('button', { name: 'Start over' }).click();
});
