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
