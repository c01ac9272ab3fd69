/**
 * Words of mails, and flights of airports. The mails lie on every node, where the work goes; an item is a part of them, since what
 * travels between the processes is then the counts of many mails in one.
 */
import { task } from "muster";
import type { Part } from "../mails.ts";
import { countWords, indexWords, type Route } from "./plain.ts";

/** How often each word occurs. */
export const words = task("words", {
  run: (part: Part) => countWords(part),
  reduce: "merge-counts",
});

/** In which mails each word occurs: an index of each part, which `joined` makes one of. */
export const index = task("index", {
  run: (part: Part) => indexWords(part),
});

/** How many flights leave each airport. */
export const departures = task("departures", {
  run: ({ origin, count }: Route) => ({ origin, flights: Number(count) }),
  reduce: "group-by:origin:sum:flights",
});
