/** An embedded platform of its own for the tests: started, signed in to, taken away, brought back. */
import { Browser, test as base } from '@playwright/test';
import { ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');
const READY_MS = 120_000;

export class Platform {
  readonly home = process.env['ANNEAL_WEB_HOME'] as string;
  url = '';
  private process?: ChildProcess;

  /** Starts it, on the port it had before if there was one; the one-time link that it printed. */
  async start(): Promise<string> {
    const python = process.env['PYTHON'] ?? join(ROOT, '.venv/bin/python');
    const port = this.url ? new URL(this.url).port : '0';
    const env = { ...process.env, ANNEAL_HOME: this.home };
    const child = spawn(python, ['-m', 'deploy.embedded', '--port', port], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] });
    this.process = child;
    const text = await said(child, /sign in once with\s+(\S+)/);
    this.url = /ready at (\S+)/.exec(text)?.[1] ?? '';
    return /sign in once with\s+(\S+)/.exec(text)?.[1] ?? '';
  }

  async stop(): Promise<void> {
    const child = this.process;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  /** The cookies of a browser that has opened a one-time link. */
  async signIn(browser: Browser): Promise<void> {
    const context = await browser.newContext();
    const key = readFileSync(join(this.home, 'api-key'), 'utf8').trim();
    const made = await context.request.post(`${this.url}/auth/link`, { headers: { Authorization: `Bearer ${key}` } });
    await context.request.get(this.url + ((await made.json()) as { path: string }).path);
    await context.storageState({ path: this.session });
    await context.close();
  }

  get session(): string {
    return join(this.home, 'browser-session.json');
  }
}

function said(child: ChildProcess, words: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => reject(new Error(`the platform did not start: ${text}`)), READY_MS);
    child.once('exit', (code) => reject(new Error(`the platform ended with ${code}: ${text}`)));
    child.stdout?.on('data', (piece: Buffer) => {
      text += piece.toString();
      if (words.test(text)) resolve(text);
      if (words.test(text)) clearTimeout(timer);
    });
  });
}

/** `platform` lives as long as the worker, its data as long as the run; `page` is signed in to it, and fails its test on an error of the app's own. */
export const test = base.extend<{ complaints: string[] }, { platform: Platform }>({
  platform: [
    async ({ browser }, use) => {
      const platform = new Platform();
      await platform.start();
      await platform.signIn(browser);
      await use(platform);
      await platform.stop();
    },
    { scope: 'worker', timeout: READY_MS },
  ],
  storageState: async ({ platform }, use) => use(existsSync(platform.session) ? platform.session : undefined),
  baseURL: async ({ platform }, use) => use(platform.url),
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => {
        if (/Content Security Policy|NG0\d+/.test(message.text())) complaints.push(message.text());
      });
      await use(complaints);
      base.expect(complaints).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect } from '@playwright/test';
