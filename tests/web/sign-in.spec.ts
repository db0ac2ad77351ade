/** Sign-in with an identity provider (tests/support/oidc_provider.py), members, and the switch between projects. */
import { ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, Platform, PYTHON, ROOT, test } from './platform';

const ROLES = { 'ml-team': { 'team-a': 'admin', 'team-b': 'viewer' } };

/** A free port. The platform needs the provider's address before the provider runs. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

test.describe('with an identity provider', () => {
  test.use({ storageState: undefined });
  let platform: Platform;
  let provider: ChildProcess;

  test.beforeAll(async () => {
    const port = await freePort();
    provider = spawn(PYTHON, ['-m', 'tests.support.oidc_provider', String(port)], { cwd: ROOT, stdio: 'inherit' });
    platform = new Platform(mkdtempSync(join(tmpdir(), 'anneal-oidc-')), {
      ANNEAL_OIDC_ISSUER: `http://127.0.0.1:${port}`,
      ANNEAL_OIDC_CLIENT_ID: 'anneal',
      ANNEAL_OIDC_CLIENT_SECRET: 'client:secret/with%signs',
      ANNEAL_OIDC_ROLES: JSON.stringify(ROLES),
      ANNEAL_WARM_ENGINES: 'false',
    });
    await platform.start();
    await expect(async () => expect((await fetch(`http://127.0.0.1:${port}/keys`)).ok).toBe(true)).toPass();
  });

  test.afterAll(async () => {
    await platform.stop();
    provider.kill('SIGTERM');
    rmSync(platform.home, { recursive: true, force: true });
  });

  test('a user signs in, sees the members, and switches the project', async ({ page, context }) => {
    await page.goto(`${platform.url}/ui/members`);
    await page.getByRole('link', { name: 'Sign in with your organization' }).click();
    await page.getByRole('link', { name: 'Continue as Alice' }).click();
    await expect(page.getByRole('heading', { name: 'Project team-a' })).toBeVisible();
    expect(page.url()).toBe(`${platform.url}/ui/members`);
    await expect(page.getByRole('cell', { name: 'alice@example.org' })).toBeVisible();
    await expect(page.getByRole('combobox', { name: 'Role of alice@example.org' })).toHaveValue('admin');

    const otherTab = await context.newPage();
    await otherTab.goto(`${platform.url}/ui/members`);
    await otherTab.getByRole('combobox', { name: 'Project', exact: true }).selectOption('team-b');
    await otherTab.waitForURL(`${platform.url}/ui/dashboard`);
    await otherTab.goto(`${platform.url}/ui/members`);
    await expect(otherTab.getByRole('heading', { name: 'Project team-b' })).toBeVisible();
    await expect(otherTab.getByRole('cell', { name: 'Viewer', exact: true })).toBeVisible();
    await expect(otherTab.getByRole('button', { name: 'Add member' })).toHaveCount(0);

    // The first tab still shows the other project: what it sends is refused, not done in team-b.
    await page.getByRole('textbox', { name: 'E-mail address or user id' }).fill('bob@example.org');
    await page.getByRole('button', { name: 'Add member' }).click();
    await expect(page.getByText("The request is for the project 'team-a'").first()).toBeVisible();

    await otherTab.goto(`${platform.url}/ui/settings`);
    await otherTab.getByRole('button', { name: 'Sign out' }).click();
    await expect(otherTab.getByRole('link', { name: 'Sign in with your organization' })).toBeVisible();
  });
});
