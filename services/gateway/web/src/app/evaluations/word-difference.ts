/** Where two texts differ, word by word, by their longest common subsequence (Wagner–Fischer, quadratic: texts are cut). */

export interface Piece {
  text: string;
  kind: 'same' | 'added' | 'missing';
}

const MOST_WORDS = 400;

/** The pieces of `answer` against `reference`: what they share, what the answer added, what it misses. */
export function wordDifference(reference: string, answer: string): Piece[] {
  const [left, right] = [words(reference), words(answer)];
  const table = lengths(left, right);
  const pieces: Piece[] = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i]?.trim() === right[j]?.trim()) {
      add(pieces, right[j] as string, 'same');
      [i, j] = [i + 1, j + 1];
    } else if (j < right.length && (i === left.length || at(table, i, j + 1) >= at(table, i + 1, j))) {
      add(pieces, right[j++] as string, 'added');
    } else {
      add(pieces, left[i++] as string, 'missing');
    }
  }
  return pieces;
}

/** Words with the space behind them; punctuation stands for itself, so that JSON compares well. */
function words(text: string): string[] {
  return (text.match(/[\p{L}\p{N}_'’-]+\s*|[^\p{L}\p{N}_'’-]\s*/gu) ?? []).slice(0, MOST_WORDS);
}

/** table[i][j]: length of the longest common subsequence of left[i:] and right[j:]. */
function lengths(left: string[], right: string[]): number[][] {
  const table = Array.from({ length: left.length + 1 }, () => new Array<number>(right.length + 1).fill(0));
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      const same = left[i]?.trim() === right[j]?.trim();
      (table[i] as number[])[j] = same ? at(table, i + 1, j + 1) + 1 : Math.max(at(table, i + 1, j), at(table, i, j + 1));
    }
  }
  return table;
}

function at(table: number[][], i: number, j: number): number {
  return table[i]?.[j] ?? 0;
}

function add(pieces: Piece[], text: string, kind: Piece['kind']): void {
  const last = pieces.at(-1);
  if (last?.kind === kind) last.text += text;
  else pieces.push({ text, kind });
}
