/** Word count and inverted index of a corpus of mails, and flights by airport. */
import { compare, print } from "../compare.ts";
import type { Fleet } from "../fleet.ts";
import { MAILS, partsOf } from "../mails.ts";
import { rowsOf, vega } from "../vega.ts";
import { countDepartures, countWords, indexWords, joined, type Route } from "./plain.ts";
import { departures, index, words } from "./tasks.ts";

/** Mails in one item: some 50 ms of work. */
const PART = 200;

export async function main({ muster }: Fleet): Promise<void> {
  const all = { from: 0, to: MAILS };
  const parts = partsOf(MAILS, PART);
  const counts = await compare(`words of ${MAILS} mails`, {
    plain: () => countWords(all),
    job: () => muster.map(words, parts),
    finish: (counts) => counts,
  });
  print(`  ${greatest(counts)}`);

  const places = await compare(`index of ${MAILS} mails`, {
    plain: () => indexWords(all),
    job: () => muster.map(index, parts),
    finish: joined,
  });
  print(`  ${Object.keys(places).length} words; "viagra" is in ${places.viagra?.length ?? 0} mails`);

  const legs = routes();
  const flights = await compare(`flights of ${legs.length} routes by airport`, {
    plain: () => countDepartures(legs),
    job: () => muster.map(departures, legs),
    finish: (flights) => flights,
  });
  print(`  ${greatest(flights)}`);
}

export function routes(): Route[] {
  return rowsOf<keyof Route>(vega("flights-airport.csv"));
}

function greatest(counts: Readonly<Record<string, number>>): string {
  const pairs = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return pairs
    .slice(0, 5)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}
