/** Counting the words of a mail: what the demonstration's workers do, and what checks them. */

/** How often each word stands in a mail: in its body, without markup; a word is a run of 2 to 15 Latin letters. */
export function countWords(mail: string): Map<string, number> {
  const counts = new Map<string, number>();
  addWords(counts, mail);
  return counts;
}

/** The same, added to what was counted before. */
export function addWords(counts: Map<string, number>, mail: string): void {
  for (const word of wordsOf(mail)) counts.set(word, (counts.get(word) ?? 0) + 1);
}

function wordsOf(mail: string): readonly string[] {
  const text = bodyOf(mail)
    .replace(/<[^<>]*>|&\w+;/g, " ")
    .toLowerCase();
  return text.match(/\b[a-z]{2,15}\b/g) ?? [];
}

/** What stands after the first empty line. */
function bodyOf(mail: string): string {
  const end = /\r?\n\r?\n/.exec(mail);
  return end === null ? mail : mail.slice(end.index);
}
