import { cliCommand, curlCommand } from './code-snippets';

describe('code snippets', () => {
  const request = { dataset: 'ds_1', base: 'seedling', method: 'lora' as const, name: "it's mine", lora: { rank: 8 }, after: ['evaluate' as const] };

  it('give the CLI command', () => {
    expect(cliCommand(request)).toBe("anneal train ds_1 --base seedling --method lora --name 'it'\\''s mine' --rank 8 --then evaluate --watch");
  });

  it('include the DPO options and the time limit', () => {
    expect(cliCommand({ ...request, objective: 'dpo', beta: 0.2, max_minutes: 30 })).toContain('--objective dpo --beta 0.2');
    expect(cliCommand({ ...request, max_minutes: 30 })).toContain('--max-minutes 30');
  });

  it('include what happens to rows that the chat template cannot show', () => {
    expect(cliCommand({ ...request, unsupported_rows: 'skip' })).toContain('--unsupported-rows skip');
  });

  it('name settings that only the API supports', () => {
    expect(cliCommand({ ...request, weight_decay: 0.1 })).toContain('# API only: weight_decay');
  });

  it('give the API request, quoted for a shell', () => {
    expect(curlCommand(request, 'http://h')).toContain("-d '{\"dataset\":\"ds_1\"");
    expect(curlCommand(request, 'http://h')).toContain("it'\\''s mine");
  });
});
