/** Files as the platform reads them, uploads that are rejected, and versions of a dataset. */
import { expectAccessible } from './appearance';
import { expect, test } from './platform';

const GERMAN = ['Frage;Antwort', ...Array.from({ length: 12 }, (_, n) => `Ist ${n} süß?;Ja, ${n} ist süß.`)].join('\n');

test.use({ contextOptions: { reducedMotion: 'reduce' } }); // see appearance.ts

test('a Latin-1 CSV with semicolons is shown as it is read, and uploaded so', async ({ page }) => {
  await page.goto('/ui/datasets');
  await page.getByLabel('Drop a file here').setInputFiles({ name: 'semikolon.csv', mimeType: 'text/csv', buffer: Buffer.from(GERMAN, 'latin1') });
  await expect(page.getByRole('columnheader', { name: 'Antwort' })).toBeVisible();
  await expect(page.getByText('Delimiter: semicolon')).toBeVisible();
  await expect(page.getByText('This file is not UTF-8.')).toBeVisible();
  await expect(page.getByLabel('Encoding')).toHaveValue('windows-1252');
  await expect(page.getByRole('cell', { name: 'Ja, 3 ist süß.' })).toBeVisible();
  await expect(page.getByLabel('prompt', { exact: true })).toHaveValue('Frage'); // suggested by the platform
  await expect(page.getByText('12 rows are read')).toBeVisible();
  await expectAccessible(page, 'upload-preview');
  await page.getByRole('button', { name: 'Upload', exact: true }).click();
  await expect(page.getByText('12 rows ready')).toBeVisible();
  await page.getByRole('region', { name: 'Upload of semikolon.csv' }).getByRole('link', { name: 'View dataset' }).click();
  await expect(page.getByText(/Ja, \d+ ist süß\./).first()).toBeVisible();
});

test('a rejected upload keeps its page with the reasons, until the next one', async ({ page }) => {
  const upload = async (buffer: string) => {
    await page.goto('/ui/datasets');
    await page.getByLabel('Drop a file here').setInputFiles({ name: 'broken.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(buffer) });
    await page.getByRole('button', { name: 'Upload', exact: true }).click();
  };
  await upload('{"prompt": "a", "completion": "b"}\nnot json\n');
  const item = page.getByRole('region', { name: 'Upload of broken.jsonl' });
  await item.getByRole('link', { name: 'View dataset' }).click();
  await expect(page.getByRole('alert')).toContainText('The upload of broken.jsonl was rejected');
  await expect(page.getByRole('row', { name: /broken.jsonl 2/ })).toContainText('not JSON');
  await expectAccessible(page, 'rejected-upload');
  await upload('{"prompt": "a", "completion": "b"}\n{"prompt": "c", "completion": "d"}\n');
  await item.first().getByRole('link', { name: 'View dataset' }).click();
  await expect(page.getByText('Valid rows')).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('rows are searched and excluded into a new version, which is compared with the former one', async ({ page, platform }) => {
  const rows = Array.from({ length: 20 }, (_, n) => ({ prompt: `Where is order ${n}?`, completion: n === 4 ? 'lorem ipsum' : `It left on day ${n}.`, topic: n % 2 ? 'odd' : 'even' }));
  const form = new FormData();
  form.set('name', 'orders to edit');
  form.set('validation_share', '0');
  form.set('file', new Blob([[...rows, rows[0]].map((row) => JSON.stringify(row)).join('\n')]), 'orders.jsonl');
  const { id } = await platform.upload(form);
  for (const slow of ['statistics', 'rendered']) await page.route(`**/${slow}?*`, (route) => route.abort()); // need the base model, which is still being prepared
  const preview = page.waitForRequest(/\/preview\?/);
  await page.goto(`/ui/datasets/${id}`);
  expect((await preview).url()).toContain('version='); // the rows shown are those of the version that is edited

  await page.getByLabel('Column', { exact: true }).selectOption('topic');
  await page.getByLabel('Value of topic').fill('odd');
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await expect(page.getByText('10 rows found in this split')).toBeVisible();
  await page.getByLabel('Column', { exact: true }).selectOption('Any');
  await page.getByRole('searchbox', { name: 'Search rows' }).fill('LOREM');
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await expect(page.getByText('1 row found in this split')).toBeVisible();
  await page.getByRole('button', { name: 'Exclude all 1' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Exclude 1 row' }).click();
  await expect(page.getByText('without rows with “LOREM”')).toBeVisible();
  await expect(page.getByText('20 rows, version')).toBeVisible();

  await page.getByRole('button', { name: 'Find duplicates' }).click();
  await page.getByRole('button', { name: 'Remove equal rows' }).click();
  await expect(page.getByText('19 rows, version')).toBeVisible();
  await expectAccessible(page, 'dataset-versions');

  await page.getByRole('listitem').filter({ hasText: 'LOREM' }).getByRole('link', { name: /Compare with/ }).click();
  await expect(page.getByText('removed (1)')).toBeVisible();
  await expect(page.getByText('lorem ipsum')).toBeVisible();
  await expect(page.getByText('20 rows are the same.')).toBeVisible();
  await expectAccessible(page, 'dataset-diff');
});
