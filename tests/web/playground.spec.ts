/** The playground: conversations that survive a reload, blind votes that become a DPO job, thumbs, probabilities, tools. */
import { expectAccessible } from './appearance';
import { expect, test } from './platform';

test.describe.configure({ mode: 'serial' });
test.use({ contextOptions: { reducedMotion: 'reduce' } });

const VOTES = 3;
const TRAINING_TIMEOUT_MS = 240_000;

test.beforeAll(async ({ platform }) => {
  const models = async () => (await platform.send<{ data: { id: string }[] }>('GET', '/v1/models')).data.map(({ id }) => id);
  await expect.poll(models).toContain('seedling'); // it is checked after the start
  await platform.send('POST', '/aliases', { name: 'seedling-b', model: 'seedling' });
});

test('a conversation is kept over a reload, with its prompt in the library', async ({ page }) => {
  await page.goto('/ui/playground?model=seedling');
  await page.getByLabel('Temperature').fill('2.5');
  await expect(page.getByText('Temperature: 0 to 2')).toBeVisible();
  await page.getByLabel('Temperature').fill('0');
  const box = page.getByRole('textbox', { name: 'Message', exact: true });
  await box.fill('My card was charged twice.');
  await page.getByLabel('Name of the prompt').fill('Charged twice');
  await page.getByRole('button', { name: 'Save prompt' }).click();
  await page.getByRole('button', { name: 'Send' }).click();
  const answer = page.getByRole('log', { name: 'Messages' }).getByRole('article').first();
  await expect(answer).toContainText('tokens/s');
  const text = await answer.locator('.text').textContent();
  await page.reload();
  await expect(answer.locator('.text')).toHaveText(text!);
  await page.getByRole('button', { name: 'New conversation' }).click();
  await expect(answer).toBeHidden();
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Start a conversation' })).toBeVisible();
  await page.getByRole('button', { name: 'Charged twice', exact: true }).click();
  await expect(box).toHaveValue('My card was charged twice.');
  await page.getByRole('button', { name: 'My card was charged twice.', exact: true }).click();
  await expect(answer.locator('.text')).toHaveText(text!);
});

test('blind votes become a dataset, and that a DPO job', async ({ page, platform }) => {
  test.setTimeout(TRAINING_TIMEOUT_MS + 120_000);
  await page.goto('/ui/playground?model=seedling');
  await page.getByLabel('Compare with').selectOption({ label: 'seedling-b' });
  await page.getByLabel('Blind comparison').check();
  await page.getByLabel('Temperature').fill('1');
  const messages = page.getByRole('log', { name: 'Messages' });
  for (let vote = 1; vote <= VOTES; vote++) {
    await page.getByRole('textbox', { name: 'Message', exact: true }).fill(`Question ${vote}: tell me about the river and its ${vote} bridges.`);
    await page.keyboard.press('Enter');
    const choices = messages.getByRole('group', { name: 'Your vote' });
    await expect(choices.getByRole('button')).toHaveText(['Answer A is better', 'Answer B is better', 'Tie']);
    await expect(messages.getByRole('heading', { name: 'seedling', exact: true })).toHaveCount(vote - 1); // hidden until the vote
    await expect(page.getByRole('button', { name: 'Send' })).toBeDisabled();
    if (vote === 1) await expectAccessible(page, 'playground-vote');
    await choices.getByRole('button').first().click();
    await expect(messages.getByText('Preferred', { exact: true })).toHaveCount(vote);
  }
  const feedback = page.getByRole('region', { name: 'Feedback' });
  await expect(feedback).toContainText(`Votes: ${VOTES}`);
  await feedback.getByRole('button', { name: 'Make a dataset for DPO' }).click();
  await feedback.getByRole('link', { name: 'Train with DPO' }).click();
  await expect(page).toHaveURL(/jobs\/new\?dataset=ds_/);
  await expect(page.getByRole('radio', { name: 'DPO' })).toBeChecked();
  await page.getByLabel('Max steps', { exact: true }).fill('2');
  await page.getByRole('button', { name: 'Start training' }).click();
  await expect(page.getByText('Model ready')).toBeVisible({ timeout: TRAINING_TIMEOUT_MS });
  const job = /job_\w+/.exec(page.url())![0];
  const { edges } = await platform.send<{ edges: { source: string; relation: string }[] }>('GET', `/lineage?id=${job}`);
  expect(edges).toContainEqual(expect.objectContaining({ source: 'base_model/seedling', relation: 'rated_in' }));
});

test('thumbs, token probabilities and tool calls', async ({ page }) => {
  await page.goto('/ui/playground?model=seedling');
  await page.getByLabel('Token probabilities').check();
  await page.getByRole('textbox', { name: 'Message', exact: true }).fill('Hello');
  await page.keyboard.press('Enter');
  const answer = page.getByRole('log', { name: 'Messages' }).getByRole('article').first();
  await answer.getByRole('group', { name: 'Tokens with their probabilities' }).getByRole('button').first().click();
  await expect(answer.getByRole('row')).toHaveCount(6);
  await answer.getByRole('button', { name: 'Good answer of seedling' }).click();
  await expect(answer.getByRole('button', { name: 'Good answer of seedling' })).toHaveAttribute('aria-pressed', 'true');
  await expect(page.getByRole('region', { name: 'Feedback' })).toContainText('Thumbs: 1');
  await answer.getByRole('button', { name: 'Good answer of seedling' }).click();
  await expect(page.getByRole('region', { name: 'Feedback' })).not.toContainText('Thumbs');
  await answer.getByRole('button', { name: 'Bad answer of seedling' }).click();
  await expect(page.getByRole('region', { name: 'Feedback' })).toContainText('Thumbs: 1');
  await page.getByText('Tools', { exact: true }).click();
  await page.getByLabel('Functions as JSON').fill('[{}]');
  await expect(page.getByText('Function 1 has no "name".')).toBeVisible();
  await expect(page.getByText('Correct the tools.')).toBeVisible();
  await expectAccessible(page, 'playground-feedback');

  // No model that every machine has writes calls; the app reads a stream with one, and sends what the person types.
  const chunk = (delta: object, finish_reason: string | null = null) => `data: ${JSON.stringify({ id: 'chatcmpl-1', choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
  const call = { index: 0, id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city": "Bern"}' } };
  const requests: { messages: object[]; tools: object[] }[] = [];
  await page.route('/v1/chat/completions', async (route) => {
    requests.push(route.request().postDataJSON());
    const body = requests.length === 1 ? chunk({ tool_calls: [call] }) + chunk({}, 'tool_calls') : chunk({ content: 'It rains.' }) + chunk({}, 'stop');
    await route.fulfill({ contentType: 'text/event-stream', body: `${body}data: [DONE]\n\n` });
  });
  await page.getByLabel('Functions as JSON').fill('{"name": "get_weather", "parameters": {"type": "object"}}');
  await page.getByRole('textbox', { name: 'Message', exact: true }).fill('Weather in Bern?');
  await page.keyboard.press('Enter');
  await page.getByLabel('Result of get_weather').fill('rain');
  await page.getByRole('button', { name: 'Send results' }).click();
  await expect(page.getByRole('log', { name: 'Messages' })).toContainText('It rains.');
  expect(requests[1]!.messages.at(-1)).toEqual({ role: 'tool', tool_call_id: 'call_1', content: 'rain' });
  expect(requests[1]!.tools).toHaveLength(1);
});
