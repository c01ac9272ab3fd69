/** The work itself, which knows nothing of muster: over a part of the data, or all of it. */
import { type Part, readMail } from "../mails.ts";

/** How often each word occurs. */
export function countWords({ from, to }: Part): Record<string, number> {
  const counts = new Map<string, number>();
  for (let mail = from; mail < to; mail++) {
    for (const word of wordsOf(readMail(mail))) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}

/** The numbers of the mails that have a word, by word. */
export type Index = Record<string, number[]>;

export function indexWords({ from, to }: Part): Index {
  const index = new Map<string, number[]>();
  for (let mail = from; mail < to; mail++) {
    for (const word of new Set(wordsOf(readMail(mail)))) add(index, word, [mail]);
  }
  return Object.fromEntries(index);
}

/** One index of those of parts that follow each other. */
export function joined(parts: readonly Index[]): Index {
  const index = new Map<string, number[]>();
  for (const part of parts) for (const [word, mails] of Object.entries(part)) add(index, word, mails);
  return Object.fromEntries(index);
}

function add(index: Map<string, number[]>, word: string, mails: readonly number[]): void {
  const known = index.get(word);
  if (known === undefined) index.set(word, [...mails]);
  else known.push(...mails);
}

/** A row of `flights-airport.csv`, as it is read. */
export interface Route {
  origin: string;
  destination: string;
  count: string;
}

/** How many flights leave each airport. */
export function countDepartures(routes: readonly Route[]): Record<string, number> {
  const flights: Record<string, number> = {};
  for (const { origin, count } of routes) flights[origin] = (flights[origin] ?? 0) + Number(count);
  return flights;
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[a-z]{3,20}/g) ?? [];
}
