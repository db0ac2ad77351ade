import { parseRows } from './file-preview';

describe('parseRows', () => {
  it('reads JSON Lines and reports invalid lines', () => {
    const preview = parseRows('{"a":1}\n\nnot json\n[1]\n{"a":2}\n', '.jsonl');
    expect(preview.rows).toEqual([{ a: 1 }, { a: 2 }]);
    expect(preview.errors.map((error) => error.line)).toEqual([3, 4]);
  });

  it('ignores a truncated last line', () => {
    const preview = parseRows('{"a":1}\n{"a":', '.jsonl', true);
    expect(preview).toEqual({ rows: [{ a: 1 }], errors: [], supported: true });
  });

  it('reads quoted CSV cells with commas, quotes and line breaks', () => {
    const preview = parseRows('prompt,completion\r\n"a, ""b""\nc",d\r\nonly one\r\n', '.csv');
    expect(preview.rows[0]).toEqual({ prompt: 'a, "b"\nc', completion: 'd' });
    expect(preview.errors).toEqual([{ line: 3, reason: '1 cells, 2 columns' }]);
  });

  it('splits text into paragraphs', () => {
    expect(parseRows('one\ntwo\n\n \nthree', '.txt').rows).toEqual([{ text: 'one\ntwo' }, { text: 'three' }]);
  });
});
