/** One's own browser sessions, where another one is revoked and signed out; what a project uses of its limits. */
import { expect, test } from './platform';

test('a session on another device is revoked', async ({ page, platform, browser }) => {
  const device = await platform.newSession(browser);
  const other = await device.newPage();
  await other.goto('/ui/settings');
  await expect(other.getByText('This browser', { exact: true })).toBeVisible();

  await page.goto('/ui/settings');
  const sessions = page.getByRole('region', { name: 'Browser sessions' });
  const current = sessions.getByRole('row', { name: 'This browser' });
  await expect(current).toHaveCount(1);
  await expect(current.getByRole('button')).toHaveCount(0);
  const count = await sessions.getByRole('button', { name: /^Revoke the session of/ }).count();
  await sessions.getByRole('button', { name: /^Revoke the session of/ }).first().click(); // the newest comes first
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke session' }).click();
  await expect(page.getByText('Session revoked.')).toBeVisible();
  await expect(sessions.getByRole('button', { name: /^Revoke the session of/ })).toHaveCount(count - 1);

  await other.reload();
  await expect(other.getByRole('heading', { name: 'Sign in with a link' })).toBeVisible();
  await page.reload();
  await expect(current).toHaveCount(1);
  await device.close();
});

test('a limit is set, and its used share is shown until it is taken away', async ({ page }) => {
  await page.goto('/ui/usage');
  const project = page.getByRole('region', { name: /^Project / });
  const stored = project.getByRole('row', { name: /^Stored data/ });
  await expect(stored).toContainText('no limit');
  await expect(stored.getByRole('progressbar')).toHaveCount(0);
  const field = page.getByRole('spinbutton', { name: 'Stored data (GB)' });
  await field.fill('50');
  await page.getByRole('button', { name: 'Set limits' }).click();
  await expect(stored).toContainText('50.0 GB');
  await expect(stored.getByRole('progressbar', { name: 'Stored data' })).toHaveAttribute('aria-valuenow', /^\d/);
  await field.fill('');
  await page.getByRole('button', { name: 'Set limits' }).click();
  await expect(stored).toContainText('no limit');
});
