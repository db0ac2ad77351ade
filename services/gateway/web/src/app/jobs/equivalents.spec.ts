import { command, curl } from './equivalents';

describe('equivalents', () => {
  const request = { dataset: 'ds_1', base: 'seedling', method: 'lora' as const, name: "it's mine", lora: { rank: 8 }, after: ['evaluate' as const] };

  it('says the command', () => {
    expect(command(request)).toBe("anneal train ds_1 --base seedling --method lora --name 'it'\\''s mine' --rank 8 --then evaluate --watch");
  });

  it('says what preference pairs are to teach, and how long', () => {
    expect(command({ ...request, objective: 'dpo', beta: 0.2, max_minutes: 30 })).toContain('--objective dpo --beta 0.2');
    expect(command({ ...request, max_minutes: 30 })).toContain('--max-minutes 30');
  });

  it('says what only the API can', () => {
    expect(command({ ...request, weight_decay: 0.1 })).toContain('# only by the API: weight_decay');
  });

  it('says the API call, safe for a shell', () => {
    expect(curl(request, 'http://h')).toContain("-d '{\"dataset\":\"ds_1\"");
    expect(curl(request, 'http://h')).toContain("it'\\''s mine");
  });
});
