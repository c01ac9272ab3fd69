/** Subjects and filters: `*` stands for one token, `>` at the end for one or more. */

const ANY_ONE = "*";
const ANY_REST = ">";

export function isLiteral(subject: string): boolean {
  return !subject.includes(ANY_ONE) && !subject.includes(ANY_REST);
}

/** Tells whether `filter` matches the literal `subject`. */
export function matches(filter: string, subject: string): boolean {
  if (filter === subject || filter === ANY_REST) return true;
  if (isLiteral(filter)) return false;
  return covers(tokensOf(filter), tokensOf(subject));
}

/** Every message is matched against filters: the subjects of late are kept in tokens. */
const MOST_KNOWN = 10_000;
const known = new Map<string, readonly string[]>();

function tokensOf(subject: string): readonly string[] {
  const found = known.get(subject);
  if (found !== undefined) return found;
  if (known.size >= MOST_KNOWN) known.clear();
  const tokens = subject.split(".");
  known.set(subject, tokens);
  return tokens;
}

function covers(filter: readonly string[], subject: readonly string[]): boolean {
  for (const [index, token] of filter.entries()) {
    if (token === ANY_REST) return subject.length > index;
    if (index >= subject.length) return false;
    if (token !== ANY_ONE && token !== subject[index]) return false;
  }
  return filter.length === subject.length;
}

/** Tells whether some subject matches both filters. */
export function overlaps(first: string, second: string): boolean {
  const [a, b] = [first.split("."), second.split(".")];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i], b[i]];
    if (x === undefined || y === undefined) return false;
    if (x === ANY_REST || y === ANY_REST) return true;
    if (x !== y && x !== ANY_ONE && y !== ANY_ONE) return false;
  }
  return true;
}
