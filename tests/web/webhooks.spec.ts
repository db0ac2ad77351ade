/** Webhooks: the secret is shown once, a delivery fails and is replayed, a disabled webhook sends nothing. */
import { createServer, IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expectAccessible } from './appearance';
import { expect, test } from './platform';

/** A receiver on an address that the platform may post to (platform.ts). It answers 410, or 204 once it is ready. */
let server: Server;
let ready = false;
const received: IncomingMessage[] = [];

test.use({ contextOptions: { reducedMotion: 'reduce' } }); // see appearance.ts
test.beforeAll(async () => {
  server = createServer((request, response) => {
    received.push(request);
    response.writeHead(ready ? 204 : 410).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
test.afterAll(() => server.close());

test('a webhook is created, tested, disabled by its receiver, enabled, and its delivery replayed', async ({ page }) => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  await page.goto('/ui/webhooks');
  await expect(page.getByRole('heading', { name: 'No webhooks yet' })).toBeVisible();
  await page.getByRole('button', { name: 'New webhook' }).first().click();
  await page.getByLabel('URL').fill('ftp://127.0.0.1/hook');
  await page.getByLabel('fine_tuning.job.succeeded').check();
  await page.getByRole('button', { name: 'Create webhook' }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await page.getByLabel('URL').fill(url);
  await page.getByRole('button', { name: 'Create webhook' }).click();
  await expect(page.getByLabel('signing secret', { exact: true })).toContainText(/^whsec_/);
  await page.getByRole('button', { name: 'I copied it' }).click();
  await expect(page.getByLabel('signing secret', { exact: true })).toHaveCount(0);

  await page.getByRole('link', { name: url }).click();
  await page.getByRole('button', { name: 'Send a test' }).click();
  const deliveries = page.getByRole('region', { name: 'Deliveries' });
  const delivery = deliveries.getByRole('row', { name: 'webhook.test' });
  await expect(delivery).toContainText('410');
  await page.reload();
  await expect(page.getByText('Disabled', { exact: true })).toBeVisible();
  await expect(delivery.getByRole('button', { name: /^Replay/ })).toBeDisabled();

  ready = true;
  await page.getByRole('button', { name: 'Enable' }).click();
  await delivery.getByRole('button', { name: /^Replay/ }).click();
  await expect(delivery).toContainText('Succeeded');
  await expect(delivery).toContainText('204');
  expect(received.map((request) => request.headers['webhook-id'])).toEqual(Array(2).fill(received[0]!.headers['webhook-id']));
  await expectAccessible(page, 'webhook');
  await deliveries.getByText('failed', { exact: true }).click();
  await expect(page.getByText('No failed deliveries.')).toBeVisible();

  await page.getByRole('button', { name: 'Disable' }).click();
  await expect(page.getByRole('button', { name: 'Send a test' })).toBeDisabled();
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete webhook' }).click();
  await expect(page.getByRole('heading', { name: 'No webhooks yet' })).toBeVisible();
});
