/** How long a small job waits that comes behind a huge one. */
import { setTimeout as delay } from "node:timers/promises";
import { quantile } from "../../domain/statistics.ts";
import type { Fleet } from "./fleet.ts";
import { type Figure, figure } from "./report.ts";
import { type Bench, onFleet, type Scenario, sized } from "./scenario.ts";

/** A million sieves of a millisecond or more each: far more than is done while the small jobs are measured. */
const HUGE = JSON.stringify({ range: { from: 100_000, to: 1_100_000 } });
/** By then its chunks have their full size, and its tasks fill the queue. */
const SETTLE_MS = 3_000;
const SAMPLES = 20;
/** Between the samples, so that they do not wait for each other. */
const PAUSE_MS = 50;

export const fairness: Scenario = {
  name: "fairness",
  summary: "how long a one-item job waits behind a job of a million items",
  run: async (bench) => ({
    figures: await onFleet(bench, { workers: 2 }, (fleet) => measureFairness(bench, fleet)),
  }),
};

async function measureFairness(bench: Bench, fleet: Fleet): Promise<Figure[]> {
  const samples = sized(bench, SAMPLES, 5);
  const same: number[][] = [];
  const other: number[][] = [];
  for (let run = 0; run < bench.options.runs; run++) {
    await behindHuge(bench, fleet, async () => {
      same.push(await sampled(samples, () => fleet.request("primes", "[1000]")));
      other.push(await sampled(samples, () => fleet.request("double", "[1]")));
    });
  }
  return [...quantiles("of the same kind", same), ...quantiles("of another kind", other)];
}

async function behindHuge(
  { signal, options }: Bench,
  { client }: Fleet,
  work: () => Promise<void>,
): Promise<void> {
  const job = await client.submit({ kind: "primes", body: HUGE, options: { reduce: "sum" } });
  try {
    await delay(SETTLE_MS * Math.min(1, options.size), undefined, { signal });
    await work();
  } finally {
    await client.cancel(job);
    await client.outcome(job);
  }
}

async function sampled(count: number, measure: () => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  while (times.length < count) {
    times.push(await measure());
    await delay(PAUSE_MS);
  }
  return times;
}

function quantiles(which: string, runs: readonly number[][]): Figure[] {
  return (
    [
      ["p50", 0.5],
      ["worst", 1],
    ] as const
  ).map(([name, q]) =>
    figure(
      `one-item job ${which} behind a huge one, ${name}`,
      "ms",
      runs.map((times) => quantile(times, q)),
    ),
  );
}
