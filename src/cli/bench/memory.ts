/** The most memory that each process ever had, for a job that is much larger than that. */
import { Unexpected } from "../../errors.ts";
import type { Fleet, Ran } from "./fleet.ts";
import { peakMb } from "./processes.ts";
import { type Figure, figure } from "./report.ts";
import { type Bench, onFleet, type Scenario, sized } from "./scenario.ts";

const RANGE = 10_000_000;
const COLLECTED = 1_000_000;
/** A JSON string of 100 bytes, its quotes included. */
const OUTPUT = JSON.stringify("x".repeat(98));

export const memory: Scenario = {
  name: "memory",
  summary: "peak memory of each process for huge jobs",
  run: async (bench) => {
    const range = sized(bench, RANGE, 1_000);
    const collected = sized(bench, COLLECTED, 1_000);
    return {
      figures: [
        ...(await peaks(bench, `range of ${range}, sum`, (fleet) => sumOfRange(fleet, range))),
        ...(await peaks(bench, `${collected} collected items of 100 bytes`, (fleet) =>
          collect(fleet, collected),
        )),
      ],
    };
  },
};

/** A fleet a run: a peak cannot be forgotten. */
async function peaks(bench: Bench, name: string, work: (fleet: Fleet) => Promise<void>): Promise<Figure[]> {
  const byProcess = new Map<string, number[]>();
  for (let run = 0; run < bench.options.runs; run++) {
    await onFleet(bench, { workers: 2 }, async (fleet) => {
      await work(fleet);
      // The client is not an actor, and remembers what it was in earlier runs.
      for (const process of fleet.processes.slice(0, -1)) {
        const peak = peakMb(process.pid);
        if (peak !== undefined) byProcess.set(process.name, [...(byProcess.get(process.name) ?? []), peak]);
      }
    });
  }
  return [...byProcess].map(([process, values]) => figure(`${name}: ${process}`, "MB", values));
}

async function sumOfRange(fleet: Fleet, to: number): Promise<void> {
  const body = JSON.stringify({ range: { from: 0, to } });
  const { outcome } = await fleet.run({ kind: "double", body, options: { reduce: "sum" } });
  if (Number(outcome.body) !== to * (to - 1)) throw new Unexpected(`the sum is not ${outcome.body}`);
}

async function collect(fleet: Fleet, count: number): Promise<void> {
  const records = (function* () {
    for (let i = 0; i < count; i++) yield OUTPUT;
  })();
  const ran = await fleet.timed(() => fleet.client.submitRecords({ kind: "echo", records }));
  await checkBytes(fleet, ran, count * (OUTPUT.length + 1) + 1);
}

/** An array of such outputs has a known length: each with a comma or bracket, and one bracket more. */
async function checkBytes({ client }: Fleet, { outcome }: Ran, expected: number): Promise<void> {
  let bytes = 0;
  for await (const part of client.resultBytes(outcome)) bytes += part.length;
  if (bytes !== expected) throw new Unexpected(`the result has ${bytes} bytes instead of ${expected}`);
}
