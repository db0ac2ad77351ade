/** Error handling: no session, invalid files, a cancelled upload. */
import { expect, test } from './platform';

test.describe('without a session', () => {
  test.use({ storageState: undefined });

  test('the app explains how to sign in and continues after sign-in', async ({ page, platform, browser }) => {
    await page.context().clearCookies();
    await page.goto('/ui/datasets');
    await expect(page.getByRole('heading', { name: 'Sign in with a link' })).toBeVisible();
    await platform.signIn(browser);
    const { cookies } = JSON.parse(require('node:fs').readFileSync(platform.sessionFile, 'utf8')) as { cookies: Parameters<ReturnType<typeof page.context>['addCookies']>[0] };
    await page.context().addCookies(cookies);
    await page.getByRole('button', { name: 'I opened the link' }).click();
    await expect(page.getByRole('heading', { name: 'No datasets yet' })).toBeVisible();
  });
});

test('a spent sign-in link leads to a page that says how to get a new one', async ({ platform, browser }) => {
  const { path } = await platform.send<{ path: string }>('POST', '/auth/link');
  const context = await browser.newContext({ baseURL: platform.url, storageState: undefined });
  const page = await context.newPage();
  await page.goto(path);
  await expect(page).toHaveURL(/\/ui\//);
  await context.clearCookies();
  await page.goto(path);
  await expect(page.getByRole('heading', { name: 'This sign-in link cannot be used again' })).toBeVisible();
  await expect(page.getByLabel('Command')).toHaveText('anneal link');
  await expect(page.getByRole('heading', { name: 'This browser is signed in' })).toBeHidden();
  await context.close();
});

test('an invalid file is rejected with line numbers and reasons', async ({ page }) => {
  await page.goto('/ui/datasets');
  const rows = ['{"prompt": "a", "completion": "b"}', 'not json', '{"completion": "x"}'];
  await page.getByLabel('Drop a file here').setInputFiles({ name: 'bad.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(rows.join('\n')) });
  await expect(page.getByText('This upload would be rejected')).toBeVisible();
  await expect(page.getByRole('row', { name: /bad.jsonl:2/ })).toContainText('not JSON');
  await page.getByRole('button', { name: 'Upload', exact: true }).click();
  const upload = page.getByRole('region', { name: 'Upload of bad.jsonl' });
  await expect(upload.getByRole('alert')).toContainText('bad.jsonl:2');
  await expect(upload.getByRole('button', { name: 'Retry' })).toBeVisible();
});

test('an unsupported file is rejected before the upload', async ({ page }) => {
  await page.goto('/ui/datasets');
  await page.getByLabel('Drop a file here').setInputFiles({ name: 'notes.docx', mimeType: 'application/msword', buffer: Buffer.from('x') });
  await expect(page.getByText('notes.docx has an unsupported format.')).toBeVisible();
});

test('unknown columns are mapped, with a preview of the result', async ({ page }) => {
  await page.goto('/ui/datasets');
  const csv = ['user_query,agent_reply', ...Array.from({ length: 30 }, (_, i) => `question ${i},answer ${i}`)].join('\n');
  await page.getByLabel('Drop a file here').setInputFiles({ name: 'mapped.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });
  await expect(page.getByLabel('prompt', { exact: true })).toHaveValue('user_query');
  await expect(page.getByText('30 rows are read')).toBeVisible();
  await page.getByText('As they are read', { exact: true }).click();
  await expect(page.getByRole('list', { name: 'Rows as they are read' }).getByRole('listitem').first()).toContainText('user question 0');
  await page.getByRole('button', { name: 'Upload', exact: true }).click();
  await expect(page.getByText('30 rows ready')).toBeVisible({ timeout: 60_000 });
});

test('a cancelled upload leaves no dataset', async ({ page }) => {
  await page.goto('/ui/datasets');
  await page.route('**/datasets/upload', async () => undefined); // never completes, so that the upload can be cancelled
  const row = `{"text": "${'long '.repeat(200)}"}\n`;
  await page.getByLabel('Drop a file here').setInputFiles({ name: 'held.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(row.repeat(1000)) });
  await page.getByRole('button', { name: 'Upload', exact: true }).click();
  await page.getByRole('button', { name: 'Cancel upload' }).click();
  await expect(page.getByText('Upload cancelled')).toBeVisible();
  await page.unroute('**/datasets/upload');
  await page.reload();
  await expect(page.getByRole('link', { name: 'mapped' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'held' })).toHaveCount(0);
});
