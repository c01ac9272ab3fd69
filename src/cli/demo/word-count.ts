/** Part 2 of the demonstration: real input, its answer checked against a plain count. */
import { Unexpected } from "../../errors.ts";
import { systemClock } from "../../runtime/clock.ts";
import { CORPUS_PACKAGE, type Corpus, readCorpus } from "./corpus.ts";
import { grouped, print, runRecords, type Stage, seconds } from "./stage.ts";
import { addWords } from "./words.ts";

const TOP = 10;

export async function showWordCount(stage: Stage): Promise<void> {
  const corpus = await readCorpus();
  if (corpus === undefined) {
    print(
      stage,
      `2  Count words: left out, since ${CORPUS_PACKAGE} is not installed (a development dependency).`,
    );
    return print(stage);
  }
  const { mails, bytes } = corpus;
  print(
    stage,
    `2  Count the words of ${grouped(mails.length)} mails, ${(bytes / 1e6).toFixed(1)} MB (SpamAssassin's public corpus)`,
  );
  const totals = await showTotals(stage, corpus);
  const top = await showTop(stage, corpus);
  const plain = plainCount(corpus);
  compareTotals(plain.counts, totals);
  compareTop(plain.counts, top);
  print(stage, `   the same, word by word, as a plain count in this process (${seconds(plain.ms)})`);
  print(stage);
}

type Pair = [word: string, count: number];

async function showTotals(stage: Stage, corpus: Corpus): Promise<Map<string, number>> {
  const { text, ms } = await count(stage, corpus, "merge-counts");
  const totals = new Map(Object.entries(JSON.parse(text) as Record<string, number>));
  const words = [...totals.values()].reduce((sum, value) => sum + value, 0);
  print(
    stage,
    `   merge-counts: ${grouped(totals.size)} different words, ${grouped(words)} in all, in ${seconds(ms)}`,
  );
  return totals;
}

async function showTop(stage: Stage, corpus: Corpus): Promise<Pair[]> {
  const { text, ms } = await count(stage, corpus, `top-k:${TOP}`);
  const top = JSON.parse(text) as Pair[];
  print(
    stage,
    `   top-k:${TOP}: ${top.map(([word, value]) => `${word} ${grouped(value)}`).join(", ")}, in ${seconds(ms)}`,
  );
  return top;
}

function count(stage: Stage, { mails }: Corpus, reduce: string) {
  return runRecords(stage, {
    kind: "wordcount",
    records: (function* () {
      for (const mail of mails) yield JSON.stringify(mail);
    })(),
    total: mails.length,
    options: { reduce },
  });
}

// ── the check ──────────────────────────────────────────────────────────────────────────────────────────────────

function plainCount({ mails }: Corpus): { counts: Map<string, number>; ms: number } {
  const begun = systemClock.now();
  const counts = new Map<string, number>();
  for (const mail of mails) addWords(counts, mail);
  return { counts, ms: systemClock.now() - begun };
}

function compareTotals(expected: Map<string, number>, got: Map<string, number>): void {
  for (const [word, value] of expected) {
    if (got.get(word) !== value)
      throw new Unexpected(`"${word}" was counted ${got.get(word)} times, not ${value}`);
  }
  if (got.size !== expected.size) throw new Unexpected(`${got.size} words were found, not ${expected.size}`);
}

/** Words that are equally frequent may stand in either order, and only one of them at the end. */
function compareTop(expected: Map<string, number>, got: readonly Pair[]): void {
  const counts = [...expected.values()].sort((a, b) => b - a).slice(0, TOP);
  const right =
    got.length === counts.length &&
    got.every(([word, value], index) => value === counts[index] && expected.get(word) === value);
  if (!right) throw new Unexpected(`the most frequent words are not ${JSON.stringify(got)}`);
}
