/** The form of a job: values with their sources, all problems at once, presets, starting over, and a retry with other settings. */
import { expectAccessible } from './appearance';
import { expect, test } from './platform';

const ROWS = Array.from({ length: 24 }, (_, n) => JSON.stringify({ prompt: `What is ${n} + 1?`, completion: String(n + 1) }));

test.describe.configure({ mode: 'serial' });
test.use({ contextOptions: { reducedMotion: 'reduce' } }); // see appearance.ts

test.beforeAll(async ({ platform }) => {
  test.setTimeout(240_000);
  const form = new FormData();
  form.append('file', new Blob([ROWS.join('\n')]), 'additions.jsonl');
  await platform.upload(form);
  const seedling = async () => (await platform.send<{ items: { usable: boolean }[] }>('GET', '/models/available')).items[0]?.usable;
  await expect.poll(seedling, { timeout: 200_000 }).toBe(true); // the bundled model is checked at the start
});

test('four wrong fields have four messages, and the button says what is missing', async ({ page }) => {
  await page.goto('/ui/jobs/new');
  const start = page.locator('button[type=submit]');
  await expect(page.getByLabel('Epochs')).toHaveAttribute('placeholder', /\d|By max steps/);
  await expect(start).toHaveText(/Start training/);
  await page.getByLabel('Learning rate', { exact: true }).fill('7');
  await page.getByLabel('Batch size').fill('0');
  await page.getByLabel('LoRA rank').fill('5000');
  await page.getByText('Optimizer & precision').click();
  await page.getByLabel('Weight decay').fill('-1');
  await expect(page.locator('mat-error')).toHaveText(['Must be at most 1024.', 'Must be at least 1.', 'Must be at most 1.', 'Must be at least 0.']);
  await expect(start).toHaveText('Correct 4 fields');
  await start.click();
  await expect(page.getByLabel('LoRA rank')).toBeFocused();
  await expectAccessible(page, 'new-job-problems');

  await page.getByRole('button', { name: 'Start over' }).click();
  await expect(page.locator('mat-error')).toHaveCount(0);
  await expect(page.getByLabel('LoRA rank')).toHaveValue('');
  await expect(start).toHaveText(/Start training/);
});

test('a recipe fills in the form, and what the user sets wins', async ({ page }) => {
  await page.goto('/ui/jobs/new');
  await page.getByRole('combobox', { name: 'Dataset', exact: true }).fill('addit');
  await page.getByRole('option', { name: /additions/ }).click();
  await expect(page.getByLabel('LoRA rank')).toHaveAttribute('placeholder', '16');
  await page.getByLabel('Preset', { exact: true }).selectOption('small-data');
  const rank = page.locator('an-setting-field').filter({ hasText: 'LoRA rank' });
  await expect(rank.getByRole('spinbutton')).toHaveAttribute('placeholder', '8');
  await expect(rank).toContainText('From the preset');
  await page.getByLabel('LoRA rank').fill('4');
  await expect(rank).not.toContainText('From the preset');
  await expect(page.locator('an-setting-field').filter({ hasText: 'LoRA alpha' }).getByRole('spinbutton')).toHaveAttribute('placeholder', '16');
  await page.getByRole('combobox', { name: 'Base model' }).click();
  await expect(page.getByRole('option', { name: /seedling/ })).toContainText('Fits');
});

test('a job that was cancelled is tried again with other settings', async ({ page, platform }) => {
  const datasets = await platform.send<{ items: { id: string; name: string }[] }>('GET', '/datasets');
  const dataset = datasets.items.find(({ name }) => name === 'additions')!.id;
  const job = await platform.send<{ id: string }>('POST', '/training/jobs', { dataset, max_steps: 50_000, batch_size: 2, name: 'too long' });
  await platform.send('POST', `/training/jobs/${job.id}/cancel`);
  await page.goto(`/ui/jobs/${job.id}`);
  await page.getByRole('button', { name: 'Retry with changes' }).click();
  await expect(page.getByText('These are the settings of too long, which was cancelled')).toBeVisible();
  await expect(page.getByLabel('Max steps', { exact: true })).toHaveValue('50000');
  await page.getByLabel('Max steps', { exact: true }).fill('2');
  await page.getByRole('button', { name: 'Start training' }).click();
  await expect(page).toHaveURL(/\/ui\/jobs\/job_/);
  await expect(page.getByText('Model ready')).toBeVisible({ timeout: 120_000 });
});
