/** The table of jobs and the comparison of jobs. Three short jobs with different learning rates are its data. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { APIRequestContext, request } from '@playwright/test';

import { expectAccessible } from './appearance';
import { expect, Platform, test } from './platform';

const STEPS = 6;
const TRAINING_TIMEOUT_MS = 200_000;
const LEARNING_RATES = [0.0005, 0.002, 0.008];
const ROWS = Array.from({ length: 24 }, (_, n) => JSON.stringify({ prompt: `What is ${n} + 1?`, completion: String(n + 1) }));

test.describe.configure({ mode: 'serial' });
test.use({ contextOptions: { reducedMotion: 'reduce' } }); // see appearance.ts

/** The jobs' ids, in the order of the learning rates. */
let ids: string[];
let dataset: { id: string };

test.beforeAll(async ({ platform }) => {
  test.setTimeout(TRAINING_TIMEOUT_MS);
  const api = await signedIn(platform);
  const file = { name: 'increments.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(ROWS.join('\n')) };
  dataset = (await (await api.post('/datasets/upload', { multipart: { file, name: 'increments' } })).json()) as { id: string };
  ids = [];
  for (const rate of LEARNING_RATES) {
    const settings = { base: 'seedling', dataset: dataset.id, max_steps: STEPS, batch_size: 2, learning_rate: rate, eval_every: 3 };
    ids.push((await submit(api, { ...settings, name: `sweep ${rate}` })).id);
  }
  const state = async (id: string) => ((await (await api.get(`/training/jobs/${id}`)).json()) as { state: string }).state;
  for (const id of ids) await expect.poll(() => state(id), { timeout: TRAINING_TIMEOUT_MS }).toBe('succeeded');
  await api.dispose();
});

/** Queues a job, once the platform has checked the bundled model. */
async function submit(api: APIRequestContext, data: object): Promise<{ id: string }> {
  for (;;) {
    const response = await api.post('/training/jobs', { data });
    if (response.status() === 503) continue;
    expect(response.ok(), await response.text()).toBe(true);
    return (await response.json()) as { id: string };
  }
}

function signedIn(platform: Platform): Promise<APIRequestContext> {
  const key = readFileSync(join(platform.home, 'api-key'), 'utf8').trim();
  return request.newContext({ baseURL: platform.url, extraHTTPHeaders: { Authorization: `Bearer ${key}` }, timeout: TRAINING_TIMEOUT_MS });
}

test('search, filters, sort order and columns are kept by the address', async ({ page }) => {
  await page.goto('/ui/jobs');
  const table = page.getByRole('table');
  const search = page.getByRole('searchbox', { name: 'Search jobs' });
  await search.fill('SWEEP increments');
  await page.getByText('succeeded', { exact: true }).click();
  await page.getByText('Columns', { exact: true }).click();
  await page.getByLabel('Dataset', { exact: true }).uncheck();
  await page.getByLabel('Steps', { exact: true }).check();
  await table.getByRole('button', { name: 'Learning rate' }).focus();
  await page.keyboard.press('Enter'); // the highest first
  await page.keyboard.press('Enter');

  const expectView = async () => {
    await expect(table.getByRole('link')).toHaveText(LEARNING_RATES.map((rate) => `sweep ${rate}`));
    await expect(table.getByRole('columnheader', { name: 'Learning rate' })).toHaveAttribute('aria-sort', 'ascending');
    await expect(table.getByRole('columnheader', { name: 'Dataset' })).toHaveCount(0);
    await expect(table.getByRole('row', { name: 'sweep 0.002' })).toContainText(`${STEPS} of ${STEPS}`);
    await expect(search).toHaveValue('SWEEP increments');
    await expect(page.getByRole('radio', { name: 'succeeded' })).toBeChecked();
  };
  await expectView();
  await page.reload();
  await expectView();
  await search.fill('nothing like this');
  await expect(page.getByText('Nothing matches the search and filters.')).toBeVisible();
  await page.getByRole('button', { name: 'Clear search and filters' }).click();
  await expect(table.getByRole('link', { name: 'sweep 0.002' })).toBeVisible();
  await expect(search).toHaveValue('');
});

test('three jobs are compared: curves along each axis, settings that differ, files', async ({ page }) => {
  await page.goto('/ui/jobs?q=sweep&sort=learning_rate');
  await page.getByRole('checkbox', { name: 'Select all jobs' }).check();
  await page.getByRole('link', { name: 'Compare 3' }).click();
  await expect(page.getByRole('heading', { name: 'Compare jobs' })).toBeVisible();
  expect(new URL(page.url()).searchParams.get('ids')).toBe(ids.join());
  const results = page.getByRole('region', { name: 'Results' });
  await expect(results.getByRole('row', { name: 'sweep 0.008' })).toContainText(`${STEPS} of ${STEPS}`);

  const loss = page.getByRole('img', { name: /Chart of Training loss/ });
  const points = `after ${STEPS} points`;
  await expect(loss).toHaveAttribute('aria-label', new RegExp(LEARNING_RATES.map((rate) => `sweep ${rate} [\\d.]+ ${points}`).join(', ')));
  const toggle = page.getByRole('region', { name: 'Training loss' }).getByRole('button', { name: /^sweep 0.002/ });
  await toggle.click();
  await expect(toggle).toHaveAttribute('aria-pressed', 'false');
  await expect(page.getByRole('region', { name: 'Gradient norm' }).getByRole('button', { name: /^sweep 0.002/ })).toHaveAttribute('aria-pressed', 'false');

  const settings = page.getByRole('group', { name: 'Settings of each job' });
  await expect(settings.getByRole('rowheader')).toHaveText(['Learning rate']);
  await page.getByRole('checkbox', { name: /^All \d+ settings/ }).check();
  await expect(settings.getByRole('row', { name: 'Batch size' })).toContainText('222');

  const [csv] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Training loss as CSV' }).click()]);
  const lines = readFileSync(await csv.path(), 'utf8').trim().split('\r\n');
  expect(lines).toHaveLength(1 + 2 * STEPS); // without the job that is switched off
  expect(lines[1]).toMatch(new RegExp(`^${ids[0]},sweep 0.0005,1,`));
  const [png] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Training loss as PNG' }).click()]);
  expect(readFileSync(await png.path()).subarray(1, 4).toString()).toBe('PNG');
});

test('the axis, smoothing and range of a comparison are kept by the address', async ({ page }) => {
  await page.goto(`/ui/jobs/compare?ids=${ids.join()},job_nowhere`);
  await expect(page.getByRole('alert')).toContainText('job_nowhere'); // the others are compared
  const chart = page.getByRole('region', { name: 'Training loss' });
  await expect(chart.getByRole('img')).toBeVisible();
  await page.getByText('Tokens', { exact: true }).last().click();
  await page.getByLabel('Smoothing').fill('0.6');
  await chart.getByRole('button', { name: 'Training loss as CSV' }).scrollIntoViewIfNeeded();
  const box = (await chart.getByRole('img').boundingBox())!;
  await page.mouse.move(box.x + 0.4 * box.width, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + 0.8 * box.width, box.y + 60);
  await page.mouse.up();
  await expect(page.getByRole('button', { name: 'Reset zoom' })).toBeVisible();
  const from = await page.getByLabel('From', { exact: true }).inputValue();
  expect(Number(from)).toBeGreaterThan(0);
  await page.reload();
  await expect(page.getByRole('radio', { name: 'Tokens' })).toBeChecked();
  await expect(page.getByLabel('Smoothing')).toHaveValue('0.6');
  await expect(page.getByLabel('From', { exact: true })).toHaveValue(from);
  await page.getByRole('button', { name: 'Reset zoom' }).click();
  await expect(page).not.toHaveURL(/from=/);
  await page.getByRole('radio', { name: 'Step' }).check({ force: true });
  await expect(page).not.toHaveURL(/x=/);
  await expectAccessible(page, 'compare-jobs');
});

test('selected jobs are cancelled together', async ({ page, platform }) => {
  const api = await signedIn(platform);
  for (const name of ['long one', 'long two']) await submit(api, { base: 'seedling', dataset: dataset.id, max_steps: 50_000, name });
  await api.dispose();
  await page.goto('/ui/jobs?q=increments');
  for (const name of ['long one', 'long two', 'sweep 0.002']) await page.getByRole('checkbox', { name: `Select ${name}` }).check();
  await expect(page.getByText('3 selected')).toBeVisible();
  await expectAccessible(page, 'jobs-selected');
  await page.getByRole('button', { name: 'Cancel 2' }).click(); // the third has ended
  await expect(page.getByRole('dialog')).toContainText('long two');
  await page.getByRole('button', { name: 'Cancel jobs' }).click();
  for (const name of ['long one', 'long two']) await expect(page.getByRole('row', { name })).toContainText('Cancelled');
});

test('jobs are tagged, found by a tag, archived and unarchived', async ({ page }) => {
  await page.goto('/ui/jobs?q=increments');
  const select = (name: string) => page.getByRole('checkbox', { name: `Select ${name}` });
  for (const name of ['long one', 'sweep 0.002']) await select(name).check();
  await page.getByRole('textbox', { name: 'Tag' }).fill('keep');
  await page.getByRole('button', { name: 'Add tag' }).click();
  await expect(page.getByRole('row', { name: 'sweep 0.002' })).toContainText('keep');
  await page.getByLabel('Filter by tag').selectOption('keep');
  await expect(page.getByRole('row', { name: 'long two' })).toHaveCount(0);
  await select('sweep 0.002').uncheck();
  await page.getByRole('button', { name: 'Archive 1' }).click();
  await expect(page.getByRole('row', { name: 'long one' })).toHaveCount(0);
  await page.getByLabel('Show 1 archived').check();
  await select('long one').check();
  await expectAccessible(page, 'jobs-archived');
  await page.getByRole('textbox', { name: 'Tag' }).fill('a, b');
  await page.getByRole('button', { name: 'Add tag' }).click();
  await expect(page.locator('.problem-notification')).toBeVisible();
  await expect(page.getByRole('textbox', { name: 'Tag' })).toHaveValue('a, b'); // what was refused can be corrected
  await page.getByRole('button', { name: 'Unarchive 1' }).click();
  await expect(page.getByLabel('Show 1 archived')).toHaveCount(0);
  await expect(page.getByRole('row', { name: 'long one' })).toBeVisible();
});

test('a checkpoint is chatted with in one click', async ({ page }) => {
  await page.goto(`/ui/jobs/${ids[1]}`);
  await page.getByRole('button', { name: 'Chat with step 3', exact: true }).click();
  await expect(page).toHaveURL(/\/ui\/playground\?model=/);
  await page.goBack();
  await expect(page.getByRole('link', { name: 'Evaluate step 3', exact: true })).toBeVisible();
});

test('an evaluation is divided by a column of the data', async ({ page, platform }) => {
  const rows = ROWS.map((row, n) => JSON.stringify({ ...(JSON.parse(row) as object), size: n < 10 ? 'one digit' : 'two digits' }));
  const api = await signedIn(platform);
  const file = { name: 'sizes.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(rows.join('\n')) };
  const sizes = (await (await api.post('/datasets/upload', { multipart: { file, name: 'sizes', heldout: 'true' } })).json()) as { id: string };
  const { model_id } = (await (await api.get(`/training/jobs/${ids[1]}`)).json()) as { model_id: string };
  const data = { dataset: sizes.id, slice_by: 'size', max_new_tokens: 4 };
  let response = await api.post(`/models/custom/${model_id}/evaluate`, { data });
  while (response.status() === 404) response = await api.post(`/models/custom/${model_id}/evaluate`, { data }); // still being validated
  expect(response.ok(), await response.text()).toBe(true);
  await page.goto(`/ui/evaluations/${((await response.json()) as { id: string }).id}`);
  const slices = page.getByRole('region', { name: 'Slices by size' });
  await expect(slices.getByRole('row', { name: /^two digits 14 rows/ })).toBeVisible({ timeout: TRAINING_TIMEOUT_MS });
  await expect(slices.getByRole('row', { name: /^one digit 10 rows/ })).toBeVisible();
  await expectAccessible(page, 'evaluation-slices');
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete evaluation' }).click();
  await expect(page).toHaveURL(/\/ui\/evaluations$/);
  await api.dispose();
});
