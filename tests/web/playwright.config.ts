/** End-to-end tests of the browser app in Chromium against an embedded platform that the tests start (platform.ts). */
import { defineConfig } from '@playwright/test';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One data directory for the whole run: the worker that replaces a failed one still has the data of earlier tests. */
process.env['ANNEAL_WEB_HOME'] ??= mkdtempSync(join(tmpdir(), 'anneal-web-'));

const CHROMIUM_ARGS = [
  '--headless', '--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

export default defineConfig({
  testDir: '.',
  testMatch: '*.spec.ts',
  globalTeardown: './teardown.ts',
  outputDir: '/tmp/anneal-web-tests',
  workers: 1,
  fullyParallel: false,
  retries: process.env['CI'] ? 1 : 0,
  maxFailures: 5,
  forbidOnly: Boolean(process.env['CI']),
  timeout: 300_000, // limits for a machine that does other work; no test asserts a time
  expect: { timeout: 60_000 },
  reporter: [['list']],
  use: {
    actionTimeout: 60_000,
    browserName: 'chromium',
    viewport: { width: 1280, height: 800 },
    launchOptions: { executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: CHROMIUM_ARGS },
    screenshot: 'only-on-failure',
  },
});
