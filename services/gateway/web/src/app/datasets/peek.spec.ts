import { parse } from './peek';

describe('parse', () => {
  it('reads JSON lines and names bad ones', () => {
    const found = parse('{"a":1}\n\nnot json\n[1]\n{"a":2}\n', '.jsonl');
    expect(found.rows).toEqual([{ a: 1 }, { a: 2 }]);
    expect(found.bad.map((bad) => bad.line)).toEqual([3, 4]);
  });

  it('does not complain about the line where the look was cut', () => {
    const found = parse('{"a":1}\n{"a":', '.jsonl', true);
    expect(found).toEqual({ rows: [{ a: 1 }], bad: [], readable: true });
  });

  it('reads quoted CSV cells with commas, quotes and line breaks', () => {
    const found = parse('prompt,completion\r\n"a, ""b""\nc",d\r\nonly one\r\n', '.csv');
    expect(found.rows[0]).toEqual({ prompt: 'a, "b"\nc', completion: 'd' });
    expect(found.bad).toEqual([{ line: 3, reason: '1 cells, 2 columns' }]);
  });

  it('makes paragraphs of text', () => {
    expect(parse('one\ntwo\n\n \nthree', '.txt').rows).toEqual([{ text: 'one\ntwo' }, { text: 'three' }]);
  });
});
