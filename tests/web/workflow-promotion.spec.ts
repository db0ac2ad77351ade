/** What follows an evaluation: an alias whose suite passes and refuses candidates, a comparison of evaluations, the lineage. */
import { readFileSync } from 'node:fs';

import { expectAccessible } from './appearance';
import { expect, test } from './platform';

interface Named {
  id: string;
  name: string;
}

const QUESTIONS = [
  { queue: 'billing', question: 'Hello, I was charged twice. This is urgent.' },
  { queue: 'billing', question: 'Hi, I was charged twice for my order. Please help.' },
  { queue: 'delivery', question: 'Hello, my parcel has not arrived. This is urgent.' },
  { queue: 'delivery', question: 'Hi, where is my order? Please help.' },
];
const CRITERION = { type: 'string_check', name: 'names a topic', operation: 'like', input: '{{ sample.output_text }}', reference: '"topic"' };
const SCHEMA = { type: 'object', properties: { queue: { type: 'string' }, question: { type: 'string' } }, required: ['queue', 'question'] };

/** The model of full-workflow.spec.ts, and one that learned nothing from the same rows. */
let model: Named;
let suite: unknown;
let shortJob: string;

test.describe.configure({ mode: 'serial' });
test.use({ contextOptions: { reducedMotion: 'reduce' } }); // see appearance.ts

test.beforeAll(async ({ platform }) => {
  const { items } = await platform.send<{ items: (Named & { dataset_id: string })[] }>('GET', '/models/custom');
  const trained = items.find((found) => found.name.startsWith('triage'))!;
  model = trained;
  const job = { name: 'too short', base: 'seedling', dataset: trained.dataset_id, max_steps: 2, after: ['evaluate'] };
  shortJob = (await platform.send<Named>('POST', '/training/jobs', job)).id;
  const config = { type: 'custom', item_schema: SCHEMA, include_sample_schema: true };
  const { id } = await platform.send<Named>('POST', '/v1/evals', { name: 'Triage answers', data_source_config: config, testing_criteria: [CRITERION] });
  suite = {
    eval_id: id,
    data_source: {
      type: 'completions',
      source: { type: 'file_content', content: QUESTIONS.map((item) => ({ item })) },
      input_messages: { type: 'template', template: [{ role: 'user', content: '{{ item.question }}' }] },
      sampling_params: { temperature: 0, max_completion_tokens: 12 },
    },
    thresholds: { 'names a topic': { min_pass_share: 0.6 } },
    slice_by: 'queue',
  };
});

test('an alias is created with a suite, and what it cannot use is refused', async ({ page }) => {
  await page.goto('/ui/aliases');
  await page.getByRole('button', { name: 'New alias' }).first().click();
  await page.getByLabel('Eval').selectOption('Triage answers');
  await page.getByLabel('Rows').selectOption('triage');
  await page.getByRole('button', { name: 'Fill in a suite' }).click();
  await expect(page.getByLabel('Suite (JSON)')).toHaveValue(/"names a topic": \{\s+"min_mean": 0.7/);
  await page.getByLabel('Suite (JSON)').fill('{"eval_id":');
  await expect(page.getByRole('alert')).toContainText('The suite is not JSON');
  await page.getByLabel('Suite (JSON)').fill(JSON.stringify(suite));
  await page.getByLabel('Name', { exact: true }).fill('seedling');
  await page.getByLabel('Model', { exact: true }).selectOption('seedling');
  await page.getByRole('button', { name: 'Create alias' }).click();
  await expect(page.getByRole('alert')).toContainText('Use another name');
  await page.getByLabel('Name', { exact: true }).fill('triage-bot');
  await page.getByRole('button', { name: 'Create alias' }).click();
  await expect(page.getByRole('heading', { name: 'triage-bot' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Roll back' })).toBeDisabled();
});

test('the gate passes a candidate, which is promoted with a reason; it refuses a worse one, with its rows; a rollback goes back', async ({ page }) => {
  await page.goto('/ui/aliases/triage-bot');
  const models = page.getByRole('region', { name: 'Models' });
  const candidates = page.getByRole('region', { name: 'Candidates' });
  await page.getByLabel('Model', { exact: true }).selectOption(model.name);
  await page.getByRole('button', { name: 'Add candidate' }).click();
  const better = candidates.getByRole('row', { name: model.name });
  await expect(better).toContainText('Passed', { timeout: 120_000 });
  await better.getByRole('button', { name: `Promote ${model.name}` }).click();
  await page.getByRole('dialog').getByLabel('Reason').fill('names the topic');
  await page.getByRole('dialog').getByRole('button', { name: 'Promote' }).click();
  await expect(models.getByRole('link', { name: model.name })).toBeVisible();
  await expect(page.getByRole('region', { name: 'History' }).getByRole('row', { name: /^Promoted/ })).toContainText('names the topic');
  await expect(better).toContainText('Promoted');

  await page.getByLabel('Model', { exact: true }).selectOption('seedling');
  await page.getByRole('button', { name: 'Add candidate' }).click();
  const worse = candidates.getByRole('row', { name: /^seedling/ });
  await expect(worse).toContainText('Refused', { timeout: 120_000 });
  await expect(worse).toContainText('the share of passed rows is 0, below 0.6');
  await expect(worse.getByRole('button')).toHaveCount(0);
  await expectAccessible(page, 'alias');
  await worse.getByRole('link', { name: 'seedling' }).click();
  await expect(page.getByRole('region', { name: 'Criteria' }).getByRole('row', { name: /^names a topic/ })).toContainText('Missed');
  await expect(page.getByRole('region', { name: 'Slices by queue' }).getByRole('row', { name: /^billing/ })).toContainText('2');
  const rows = page.getByRole('region', { name: 'Deciding rows' });
  await expect(rows.getByRole('group')).toHaveCount(QUESTIONS.length);
  await rows.getByText('Row 1, names a topic').click();
  await expect(rows).toContainText('I was charged twice');
  await expect(rows).toContainText("Candidate's answer");
  await expectAccessible(page, 'candidate');

  await page.getByRole('link', { name: 'triage-bot' }).click();
  await page.getByRole('button', { name: 'Roll back' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await expect(models.getByRole('link', { name: model.name })).toBeVisible();
  await page.getByRole('button', { name: 'Roll back' }).click();
  await page.getByRole('dialog').getByLabel('Reason').fill('wrong topics');
  await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
  await expect(page.getByRole('region', { name: 'History' }).getByRole('row', { name: /^Rolled back/ })).toContainText('wrong topics');
  await expect(models.getByRole('link', { name: model.name })).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Roll back' })).toBeDisabled();
});

test('two evaluations of the same rows are compared, filtered by change, and downloaded', async ({ page, platform }) => {
  const state = async (path: string) => (await platform.send<{ state: string }>('GET', path)).state;
  await expect.poll(() => state(`/training/jobs/${shortJob}`)).toBe('succeeded');
  await page.goto('/ui/evaluations');
  await page.getByRole('checkbox', { name: 'Select too short' }).check();
  await page.getByRole('row', { name: new RegExp(`${model.name}.*Validation 31`) }).getByRole('checkbox').check();
  await page.getByRole('link', { name: 'Compare 2' }).click();
  await expect(page.getByText('2 evaluations on the same 31 validation rows')).toBeVisible();
  const bleu = page.getByRole('rowgroup').filter({ has: page.getByRole('rowheader', { name: 'BLEU', exact: true }) });
  await expect(bleu.getByRole('row', { name: model.name })).toContainText(/ to .*\+.*< 0.001.*Better/);

  await expect(page.getByRole('radio', { name: /^worse/i })).toBeChecked();
  await expect(page.getByText('No row got worse by this score.')).toBeVisible();
  await page.getByText(/^better \(31\)/i).click();
  await expect(page.getByRole('article')).toHaveCount(10);
  await page.getByRole('button', { name: 'Next' }).click();
  await expect(page.getByText('11–20 of 31')).toBeVisible();
  await page.reload();
  await expect(page.getByText('11–20 of 31')).toBeVisible();
  await expectAccessible(page, 'comparison');

  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Markdown' }).click()]);
  expect(readFileSync(await download.path(), 'utf8')).toContain('# Comparison of models');
  await page.getByLabel('Baseline').selectOption(model.name);
  await expect(bleu.getByRole('row', { name: /^too short/ })).toContainText('Worse');
});

test("the lineage leads from a model's data to the alias that had it", async ({ page }) => {
  await page.goto('/ui/models');
  await page.getByRole('link', { name: model.name }).first().click();
  await page.getByRole('link', { name: 'Show as a graph' }).click();
  const graph = page.getByRole('group', { name: /^Nodes from left to right/ });
  for (const name of [/^triage@/, 'seedling', model.name, /^evaluation_/, 'triage-bot']) await expect(graph.getByRole('link', { name }).first()).toBeVisible();
  const relations = page.getByRole('region', { name: 'Relations' });
  await expect(relations.getByRole('row', { name: `Model ${model.name} Ready was promoted to Alias triage-bot` })).toBeVisible();
  await expectAccessible(page, 'lineage');
  await graph.getByRole('link', { name: 'triage-bot' }).focus();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/ui\/aliases\/triage-bot$/);

  await page.goto('/ui/lineage?id=nothing');
  await expect(page.getByRole('alert')).toContainText('Copy the ID from a page');
});
