/** Words of mails and flights by airport, as the plain loops count them. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { routes } from "../../examples/big-data/main.ts";
import { countDepartures, countWords, indexWords, joined } from "../../examples/big-data/plain.ts";
import { departures, index, words } from "../../examples/big-data/tasks.ts";
import { Fleet } from "../../examples/fleet.ts";
import { partsOf } from "../../examples/mails.ts";

const MAILS = 200;
const ALL = { from: 0, to: MAILS };

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start({ handlers: new URL("../../examples/big-data/tasks.ts", import.meta.url) });
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

it("counts words, however the mails are cut", async () => {
  const expected = countWords(ALL);
  expect(Object.keys(expected).length).toBeGreaterThan(1_000);
  for (const size of [7, 50]) expect(await fleet.muster.map(words, partsOf(MAILS, size))).toEqual(expected);
});

it("indexes words, each with its mails in their order", async () => {
  const parts = await fleet.muster.map(index, partsOf(MAILS, 23));
  expect(joined(parts)).toEqual(indexWords(ALL));
});

it("counts the flights of each airport", async () => {
  const flights = await fleet.muster.map(departures, routes());
  expect(flights).toEqual(countDepartures(routes()));
  expect(flights.ATL).toBe(414_513);
});
