// The browser part of benchmarks/web.py: opens the app in headless Chromium, measures, prints one JSON line.
const { resolve } = require('node:path');
const { chromium } = require(resolve(__dirname, '../services/gateway/web/node_modules/@playwright/test'));

const [url, key, seconds, starts] = process.argv.slice(2);
const SWITCHES = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const POINTS = 50_000;
const LINES = 100_000;
const OVERLAID = 5;
const UPDATES_PER_SECOND = 10;
const JOB = 'job_benchmark';
const VIEW = {
  id: JOB, project: 'default', name: 'benchmark', state: 'running', wanted: 'run', base: 'seedling', base_uri: '', method: 'lora', dataset_id: 'ds', dataset_version: 'v',
  dataset_name: 'data', preset: null, priority: 0, attempts: 1, resources: { cpu: 1, gpu: 0, memory_gb: 0 }, hyperparameters: {}, defaulted: [], after: [], model_id: null, cause: null,
  detail: null, started_at: new Date().toISOString(), finished_at: null, created_at: new Date().toISOString(), updated_at: new Date().toISOString(),
  progress: { step: 0, total: 0, percent: 0 }, warnings: [], tags: [], archived: false, serving: null, reproduces: null, ended: null, loss: null, best_validation_loss: null, tokens_per_second: null, micro_batch_tokens: null, recomputes: false, base_name: 'seedling', eta_seconds: null, logs: [], metrics: {}, evaluations: [], samples: null, checkpoints: [], queue_position: null, waits_for: null,
};

const TIME = new Date().toISOString();
const metric = (step) => ({ seq: step, time: TIME, kind: 'metric', step, loss: 2 + Math.sin(step / 300) + Math.random() / 4, learning_rate: 1e-3, grad_norm: Math.random(), tokens_per_second: 1000 + 50 * Math.random(), memory_mb: 700 + Math.random() });
const line = (seq) => ({ seq, time: TIME, kind: 'log', level: 'info', message: `line ${seq}: a message as a training job may log it` });

/** Gaps between animation frames, in milliseconds, while `scroll` (a selector, or null) scrolls. */
function frames([ms, scroll]) {
  return new Promise((done) => {
    const gaps = [];
    const element = scroll && document.querySelector(scroll);
    let last = performance.now();
    const end = last + ms;
    const tick = (now) => {
      gaps.push(now - last);
      last = now;
      if (element) element.scrollTop = element.scrollTop > 440 ? element.scrollTop - 440 : element.scrollHeight;
      if (now < end) requestAnimationFrame(tick);
      else done(gaps.slice(1));
    };
    requestAnimationFrame(tick);
  });
}

/** Frame gaps, and the share of time in which the page's main thread is busy. */
async function measureFrames(page, scroll) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable');
  const busy = async () => (await cdp.send('Performance.getMetrics')).metrics.find((metric) => metric.name === 'TaskDuration').value;
  const before = await busy();
  const gaps = await page.evaluate(frames, [seconds * 1000, scroll]);
  return { gaps, busy: (await busy() - before) / (gaps.reduce((sum, gap) => sum + gap, 0) / 1000) };
}

async function signIn(browser) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const link = await context.request.post(`${url}/auth/link`, { headers: { Authorization: `Bearer ${key}` } });
  await context.request.get(url + (await link.json()).path);
  return context;
}

/** Milliseconds from navigation until the dashboard shows its numbers, with an empty cache, and the bytes loaded. */
async function measureStart(browser) {
  const context = await signIn(browser);
  const page = await context.newPage();
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      if (!document.querySelector('.tile strong')) return;
      observer.disconnect();
      requestAnimationFrame(() => (window.readyAt = performance.now()));
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto(`${url}/ui/dashboard`);
  const ready = await page.waitForFunction(() => window.readyAt).then((handle) => handle.jsonValue());
  const bytes = await page.evaluate(() => performance.getEntriesByType('resource').filter((entry) => /\.(js|css)$/.test(entry.name)).reduce((sum, entry) => sum + entry.encodedBodySize, 0));
  await context.close();
  return { ready, bytes };
}

/** Open the monitor of a simulated job; `onSocket` drives its websocket. */
async function openMonitor(browser, onSocket) {
  const context = await signIn(browser);
  const page = await context.newPage();
  await page.route(`**/training/jobs/${JOB}`, (route) => route.fulfill({ json: VIEW }));
  await page.routeWebSocket(/\/live\?/, onSocket);
  await page.goto(`${url}/ui/jobs/${JOB}`);
  return { page, close: () => context.close() };
}

async function measureChart(browser) {
  let timer;
  const { page, close } = await openMonitor(browser, (socket) => {
    let step = 0;
    const send = (count) => socket.send(JSON.stringify({ type: 'records', records: Array.from({ length: count }, () => metric(++step)) }));
    for (let i = 0; i < POINTS / 1000; i++) send(1000);
    timer = setInterval(() => send(5), 1000 / UPDATES_PER_SECOND);
  });
  await page.waitForFunction((points) => Number(/after (\d+) points/.exec(document.querySelector('canvas')?.getAttribute('aria-label') ?? '')?.[1] ?? 0) >= points, POINTS);
  const found = await measureFrames(page, null);
  clearInterval(timer);
  await close();
  return found;
}

async function measureLog(browser) {
  const { page, close } = await openMonitor(browser, (socket) => {
    let seq = 0;
    for (let i = 0; i < LINES / 1000; i++) socket.send(JSON.stringify({ type: 'records', records: Array.from({ length: 1000 }, () => line(++seq)) }));
  });
  await page.getByText(`${LINES} of ${LINES} lines`).waitFor();
  await page.getByRole('log').scrollIntoViewIfNeeded();
  const found = await measureFrames(page, '[role=log]');
  await close();
  return found;
}

/** The charts of five simulated jobs with as many points each, while the pointer moves across the first one. */
async function measureOverlay(browser) {
  const context = await signIn(browser);
  const page = await context.newPage();
  const ids = Array.from({ length: OVERLAID }, (_, n) => `${JOB}_${n}`);
  await page.route(/\/training\/jobs\/job_benchmark_\d+(\/.*)?(\?.*)?$/, (route) => {
    const address = new URL(route.request().url());
    const [, id, part] = /\/jobs\/(\w+)(\/metrics)?/.exec(address.pathname);
    if (!part) return route.fulfill({ json: { ...VIEW, id, name: id, state: 'succeeded', started_at: TIME, finished_at: TIME } });
    const after = Number(address.searchParams.get('after') ?? 0);
    const records = Array.from({ length: Math.max(0, Math.min(10_000, POINTS - after)) }, (_, n) => metric(after + n + 1));
    return route.fulfill({ json: { records, last_seq: after + records.length, next_after: after + records.length, complete: true } });
  });
  await page.goto(`${url}/ui/jobs/compare?ids=${ids.join()}`);
  const chart = page.getByRole('img', { name: new RegExp(`Chart of Training loss.*after ${POINTS} points`) });
  await chart.waitFor();
  const box = await chart.boundingBox();
  let moving = true;
  const move = (async () => {
    for (let n = 0; moving; n++) await page.mouse.move(box.x + 60 + ((7 * n) % (box.width - 80)), box.y + 80);
  })();
  const found = await measureFrames(page, null);
  moving = false;
  await move;
  await context.close();
  return found;
}

/** Milliseconds until the rows of a list are drawn, with an empty cache, and the frames while its page scrolls. */
async function measureList(browser, path) {
  const context = await signIn(browser);
  const page = await context.newPage();
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      if (document.querySelectorAll('tbody tr').length < 100) return;
      observer.disconnect();
      requestAnimationFrame(() => (window.readyAt = performance.now()));
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto(`${url}/ui/${path}`);
  const ready = await page.waitForFunction(() => window.readyAt).then((handle) => handle.jsonValue());
  await page.getByRole('navigation', { name: 'Pages of' }).getByText(/of [12],000/).waitFor(); // all pages are loaded
  const scroll = await measureFrames(page, 'html');
  await context.close();
  return { ready, scroll };
}

async function measureEmptyPage(browser) {
  const page = await browser.newPage();
  await page.goto('about:blank');
  const gaps = await page.evaluate(frames, [seconds * 1000, null]);
  await page.close();
  return gaps;
}

(async () => {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: SWITCHES });
  const found = { starts: [], idle: await measureEmptyPage(browser) };
  await measureStart(browser); // uncounted: warms the page cache and the platform
  for (let i = 0; i < Number(starts); i++) found.starts.push(await measureStart(browser));
  found.chart = await measureChart(browser);
  found.log = await measureLog(browser);
  found.overlay = await measureOverlay(browser);
  found.lists = { jobs: await measureList(browser, 'jobs'), datasets: await measureList(browser, 'datasets') };
  await browser.close();
  console.log(JSON.stringify(found));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
