/** Readings of a city in windows: all of a quarter at once, and as a stream while workers join and leave. */
import assert from "node:assert/strict";
import { compare, print } from "../compare.ts";
import type { Fleet } from "../fleet.ts";
import { replay, turnover, watch } from "./live.ts";
import { readings, windowsOf } from "./readings.ts";
import { type Summary, summarize } from "./summarize.ts";
import { summary } from "./tasks.ts";

/** A worker that is silent for two seconds counts as dead. */
export const FLEET = { lease: "2s" };

/** A day of the replay, in ms. */
const DAY_MS = 100;

export async function main(fleet: Fleet): Promise<void> {
  const windows = [...windowsOf(readings())];
  const expected = await compare(`${windows.length} windows at once`, {
    plain: () => windows.map(summarize),
    job: () => fleet.muster.map(summary, windows),
    finish: (summaries) => summaries,
  });

  const over = new AbortController();
  const workers = turnover(fleet, over.signal);
  const summaries: Summary[] = [];
  for await (const summary of watch(fleet.muster, replay(windows, DAY_MS))) {
    summaries.push(summary);
    for (const { at, sensor, value } of summary.anomalies) print(`  ${at} ${sensor} ${value}`);
  }
  over.abort();
  assert.deepEqual(summaries, expected);
  print(
    `${summaries.length} windows live, while ${await workers} workers joined and left: the same summaries`,
  );
}
