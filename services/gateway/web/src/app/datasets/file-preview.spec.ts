import { partToPreview } from './file-preview';

const file = (name: string, bytes: number) => new File([new Uint8Array(bytes)], name);

describe('partToPreview', () => {
  it('sends the beginning of a long text', () => {
    const part = partToPreview(file('a.csv', 3_000_000))!;
    expect([part.content.size, part.complete]).toEqual([1024 * 1024, false]);
    expect(partToPreview(file('a.jsonl', 10))!.complete).toBe(true);
  });

  it('sends a file whole that cannot be read from its beginning, and none that is large', () => {
    expect(partToPreview(file('a.parquet', 3_000_000))!.content.size).toBe(3_000_000);
    expect(partToPreview(file('a.zip', 17 * 1024 * 1024))).toBeUndefined();
  });
});
