/** "Did you mean …?" for words that a person typed. */

/**
 * The known word that a misspelt one most likely stands for, or undefined when none is near.
 *
 * Near means at most two slips (or a third of the word's letters, when that is more), and no more than half of the
 * letters; a slip is a letter too many, too few, wrong, or swapped with its neighbour. Case does not count.
 *
 * @example suggest("colect", ["collect", "concat"]) // "collect"
 */
export function suggest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const slips = isFarLonger(word, candidate)
      ? fewest
      : distance(word.toLowerCase(), candidate.toLowerCase());
    if (slips < fewest && slips <= allowed(word, candidate)) {
      best = candidate;
      fewest = slips;
    }
  }
  return best;
}

function allowed(word: string, candidate: string): number {
  const longer = Math.max(word.length, candidate.length);
  return Math.min(Math.max(2, Math.floor(word.length / 3)), Math.floor(longer / 2));
}

/** Spares the quadratic comparison, so that a word of a megabyte costs nothing. */
function isFarLonger(word: string, candidate: string): boolean {
  return Math.abs(word.length - candidate.length) > allowed(word, candidate);
}

/** Damerau-Levenshtein distance (optimal string alignment), three rows at a time. */
function distance(a: string, b: string): number {
  let older: number[] = [];
  let old = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const now = nextRow(a, b, { row, old, older });
    older = old;
    old = now;
  }
  return old[b.length] ?? 0;
}

interface Rows {
  readonly row: number;
  readonly old: readonly number[];
  readonly older: readonly number[];
}

function nextRow(a: string, b: string, { row, old, older }: Rows): number[] {
  const now = [row];
  for (let column = 1; column <= b.length; column++) {
    const wrong = at(old, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
    const least = Math.min(at(old, column) + 1, at(now, column - 1) + 1, wrong);
    const swapped = column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
    now.push(swapped ? Math.min(least, at(older, column - 2) + 1) : least);
  }
  return now;
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
