/** A word-level diff by longest common subsequence (dynamic programming, quadratic, hence the word limit). */

export interface DiffPart {
  text: string;
  kind: 'equal' | 'inserted' | 'deleted';
}

const MAX_WORDS = 400;

/** The diff from `reference` to `answer`. */
export function wordDiff(reference: string, answer: string): DiffPart[] {
  const [left, right] = [splitWords(reference), splitWords(answer)];
  const lengths = lcsLengths(left, right);
  const parts: DiffPart[] = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i]?.trim() === right[j]?.trim()) {
      append(parts, right[j] as string, 'equal');
      [i, j] = [i + 1, j + 1];
    } else if (j < right.length && (i === left.length || cell(lengths, i, j + 1) >= cell(lengths, i + 1, j))) {
      append(parts, right[j++] as string, 'inserted');
    } else {
      append(parts, left[i++] as string, 'deleted');
    }
  }
  return parts;
}

/** Words with their trailing whitespace. Punctuation is split off, so that JSON is compared value by value. */
function splitWords(text: string): string[] {
  return (text.match(/[\p{L}\p{N}_'’-]+\s*|[^\p{L}\p{N}_'’-]\s*/gu) ?? []).slice(0, MAX_WORDS);
}

/** lengths[i][j]: the length of the longest common subsequence of left[i:] and right[j:]. */
function lcsLengths(left: string[], right: string[]): number[][] {
  const lengths = Array.from({ length: left.length + 1 }, () => new Array<number>(right.length + 1).fill(0));
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      const equal = left[i]?.trim() === right[j]?.trim();
      (lengths[i] as number[])[j] = equal ? cell(lengths, i + 1, j + 1) + 1 : Math.max(cell(lengths, i + 1, j), cell(lengths, i, j + 1));
    }
  }
  return lengths;
}

function cell(table: number[][], i: number, j: number): number {
  return table[i]?.[j] ?? 0;
}

function append(parts: DiffPart[], text: string, kind: DiffPart['kind']): void {
  const last = parts.at(-1);
  if (last?.kind === kind) last.text += text;
  else parts.push({ text, kind });
}
