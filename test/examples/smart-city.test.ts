/** Windows of readings, live, while workers join, leave and are killed. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { Fleet } from "../../examples/fleet.ts";
import { replay, turnover, watch } from "../../examples/smart-city/live.ts";
import { readings, windowsOf } from "../../examples/smart-city/readings.ts";
import { type Summary, summarize } from "../../examples/smart-city/summarize.ts";

let fleet: Fleet;
beforeAll(async () => {
  const handlers = new URL("../../examples/smart-city/tasks.ts", import.meta.url);
  fleet = await Fleet.start({ handlers, workers: 1, lease: "1s" });
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

it("gives each window's summary, in order, as the plain loop makes them, whoever comes and goes", async () => {
  const windows = [...windowsOf(readings())].slice(0, 40);
  const over = new AbortController();
  const workers = turnover(fleet, over.signal);
  const summaries: Summary[] = [];
  for await (const summary of watch(fleet.muster, replay(windows, 100))) summaries.push(summary);
  over.abort();
  expect(await workers).toBeGreaterThan(0);
  expect(summaries).toEqual(windows.map(summarize));
});

it("finds the reading that is unlike the others, and needs some to say so", () => {
  const usual = [1, 2, 3, 1, 2, 3, 1, 2].map((value) => ({ at: "01-01T00:00", sensor: "noise", value }));
  const loud = { at: "01-01T01:00", sensor: "noise", value: 90 };
  expect(summarize({ day: "01-01", readings: [...usual, loud] }).anomalies).toEqual([loud]);
  expect(summarize({ day: "01-01", readings: [...usual.slice(3), loud] }).anomalies).toEqual([]);
});
