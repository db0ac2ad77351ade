import { Points } from './job-history';
import { toCsv } from './chart-files';

describe('toCsv', () => {
  it('has one row a value, and quotes names', () => {
    const points = new Points();
    points.push(1, 2.5);
    points.push(2, 1e-7);
    const csv = toCsv([{ name: 'a, "b"', points, color: '--chart' }, { name: '=1+1', points: new Points(), color: '--chart' }], 'Step', 'Training loss (nats per token)', (name) => `job of ${name.length}`);
    expect(csv).toBe('job_id,job,Step,Training loss (nats per token)\r\njob of 6,"a, ""b""",1,2.5\r\njob of 6,"a, ""b""",2,1e-7\r\n');
  });

  it('keeps a spreadsheet from calculating a name', () => {
    const points = new Points();
    points.push(1, 2);
    expect(toCsv([{ name: '=1+1', points, color: '--chart' }], 'Step', 'Loss', () => 'job_1')).toContain("job_1,'=1+1,1,2");
  });
});
