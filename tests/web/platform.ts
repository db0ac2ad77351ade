/** The embedded platform under test: fixtures that start it, sign in, and stop and restart it. */
import { Browser, BrowserContext, test as base } from '@playwright/test';
import { ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const ROOT = resolve(__dirname, '../..');
export const PYTHON = process.env['PYTHON'] ?? join(ROOT, '.venv/bin/python');
const START_TIMEOUT_MS = 120_000;

export class Platform {
  url = '';
  private process?: ChildProcess;

  constructor(
    readonly home = process.env['ANNEAL_WEB_HOME'] as string,
    private readonly settings: Record<string, string> = {},
  ) {}

  /** Starts the platform, on the same port as before if it ran already. */
  async start(): Promise<void> {
    const port = this.url ? new URL(this.url).port : '0';
    const env = { ...process.env, ANNEAL_HOME: this.home, ANNEAL_IMPORT_HOSTS: '["127.0.0.1"]', ANNEAL_WEBHOOK_HOSTS: '["127.0.0.1"]', ...this.settings };
    const child = spawn(PYTHON, ['-m', 'deploy.embedded', '--port', port], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] });
    this.process = child;
    const output = await waitForOutput(child, /sign in once with\s+\S+/);
    this.url = /ready at (\S+)/.exec(output)?.[1] ?? '';
  }

  async stop(): Promise<void> {
    const child = this.process;
    if (!child || child.exitCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await exited;
  }

  /** Signs in with a one-time link and saves the session's cookies. */
  async signIn(browser: Browser): Promise<void> {
    const context = await this.newSession(browser);
    await context.storageState({ path: this.sessionFile });
    await context.close();
  }

  /** Another browser, which a one-time link has signed in. */
  async newSession(browser: Browser): Promise<BrowserContext> {
    const context = await browser.newContext({ baseURL: this.url, storageState: undefined });
    const { path } = await this.send<{ path: string }>('POST', '/auth/link');
    await context.request.get(path);
    return context;
  }

  /** The JSON answer to a request with the API key. */
  async send<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> {
    return this.fetch<T>(method, path, body === undefined ? undefined : JSON.stringify(body), { 'Content-Type': 'application/json' });
  }

  private async fetch<T>(method: string, path: string, body?: string | FormData, headers: Record<string, string> = {}): Promise<T> {
    const key = readFileSync(join(this.home, 'api-key'), 'utf8').trim();
    const response = await fetch(this.url + path, { method, headers: { Authorization: `Bearer ${key}`, ...headers }, body });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** Uploads a dataset with the API key, and waits until it is ready. */
  upload(form: FormData): Promise<{ id: string }> {
    return this.fetch('POST', '/datasets/upload', form);
  }

  get sessionFile(): string {
    return join(this.home, 'browser-session.json');
  }
}

/** The output of the process so far, once it matches `pattern`. */
function waitForOutput(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => reject(new Error(`the platform did not start: ${output}`)), START_TIMEOUT_MS);
    child.once('exit', (code) => reject(new Error(`the platform exited with ${code}: ${output}`)));
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (!pattern.test(output)) return;
      clearTimeout(timer);
      resolve(output);
    });
  });
}

/** `platform` lives as long as the worker, its data as long as the run. `page` is signed in; an error in the app fails the test. */
export const test = base.extend<{ appErrors: string[] }, { platform: Platform }>({
  platform: [
    async ({ browser }, use) => {
      const platform = new Platform();
      await platform.start();
      await platform.signIn(browser);
      await use(platform);
      await platform.stop();
    },
    { scope: 'worker', timeout: START_TIMEOUT_MS },
  ],
  storageState: async ({ platform }, use) => use(existsSync(platform.sessionFile) ? platform.sessionFile : undefined),
  baseURL: async ({ platform }, use) => use(platform.url),
  appErrors: [
    async ({ page }, use) => {
      const appErrors: string[] = [];
      page.on('pageerror', (error) => appErrors.push(error.message));
      page.on('console', (message) => {
        if (/Content Security Policy|NG0\d+/.test(message.text())) appErrors.push(message.text());
      });
      await use(appErrors);
      base.expect(appErrors).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect } from '@playwright/test';
