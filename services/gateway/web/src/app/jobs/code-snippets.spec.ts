import { cliCommand, curlCommand } from './code-snippets';

describe('code snippets', () => {
  const request = { dataset: 'ds_1', base: 'seedling', method: 'lora' as const, name: "it's mine", lora: { rank: 8 }, after: ['evaluate' as const] };

  it('give the CLI command', () => {
    expect(cliCommand(request)).toBe("anneal train ds_1 --base seedling --method lora --name 'it'\\''s mine' --then evaluate --rank 8 --watch");
  });

  it('include the DPO options and the time limit', () => {
    expect(cliCommand({ ...request, objective: 'dpo', beta: 0.2, max_minutes: 30 })).toContain('--objective dpo --beta 0.2');
    expect(cliCommand({ ...request, max_minutes: 30 })).toContain('--max-minutes 30');
  });

  it('include what happens to rows that the chat template cannot show', () => {
    expect(cliCommand({ ...request, unsupported_rows: 'skip' })).toContain('--unsupported-rows skip');
  });

  it('have every setting, and flags that are off', () => {
    const command = cliCommand({ ...request, weight_decay: 0.1, gradient_checkpointing: false, gpu_kernels: true, warmup_steps: 5, lora: { rslora: false, targets: ['q_proj', 'v_proj'] }, resources: { memory_gb: 2 } });
    for (const option of ['--weight-decay 0.1', '--no-gradient-checkpointing', '--gpu-kernels', '--warmup 5', '--no-rslora', '--targets q_proj,v_proj', '--memory 2']) {
      expect(command).toContain(` ${option} `);
    }
  });

  it('give the API request, quoted for a shell', () => {
    expect(curlCommand(request, 'http://h')).toContain("-d '{\"dataset\":\"ds_1\"");
    expect(curlCommand(request, 'http://h')).toContain("it'\\''s mine");
  });
});
