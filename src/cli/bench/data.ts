/** A gigabyte of NDJSON and a hundred million range items: how fast, with how much memory, and whether the answer is exact. */
import { Unexpected } from "../../errors.ts";
import { encodeJson } from "../../protocol/json.ts";
import type { Fleet } from "./fleet.ts";
import { peakMb } from "./processes.ts";
import { type Figure, type Findings, figure } from "./report.ts";
import { type Bench, onFleet, type Scenario, sized } from "./scenario.ts";

const BYTES = 1_000_000_000;
const ITEMS = 100_000_000;
const WORKERS = 2;
/** Bytes of a record, its line break included. */
const RECORD_BYTES = 250;
/** Groups of the records, and their amounts: small numbers whose totals are known. */
const REGIONS = 50;
const AMOUNTS = 100;

export const data: Scenario = {
  name: "data",
  summary: "a gigabyte of NDJSON, and a hundred million range items with four reducers",
  run: async (bench) => {
    const [records, ranges] = [await measureRecords(bench), await measureRanges(bench)];
    return { figures: [...records, ...ranges] } satisfies Findings;
  },
};

// ── records ──────────────────────────────────────────────────────────────────

/** A fleet a run: a peak cannot be forgotten. The client's peak, which is this process's, is that of all runs so far. */
async function measureRecords(bench: Bench): Promise<Figure[]> {
  const count = sized(bench, BYTES / RECORD_BYTES, 1_000);
  const name = `${(count * RECORD_BYTES) / 1e6} MB of NDJSON`;
  const rates: number[] = [];
  const peaks = new Map<string, number[]>();
  for (let run = 0; run < bench.options.runs; run++) {
    await onFleet(bench, { workers: WORKERS }, async (fleet) => {
      rates.push(await groupRecords(fleet, count));
      for (const { name: process, pid } of fleet.processes) {
        const peak = peakMb(pid);
        if (peak !== undefined) peaks.set(process, [...(peaks.get(process) ?? []), peak]);
      }
    });
  }
  const memory = [...peaks].map(([process, values]) => figure(`${name}: ${process}`, "MB", values));
  return [figure(`${name}, sums by group`, "MB/s", rates), ...memory];
}

/** Megabytes a second, from the first byte that is shipped to the outcome. */
async function groupRecords(fleet: Fleet, count: number): Promise<number> {
  const options = { reduce: "group-by:region:sum:amount" };
  const records = recordTexts(count);
  const { ms, outcome } = await fleet.timed(() =>
    fleet.client.submitRecords({ kind: "echo", records, options }),
  );
  check(outcome.body, encodeJson(sumsByRegion(count)));
  return (count * RECORD_BYTES) / 1e3 / ms;
}

function* recordTexts(count: number): Iterable<string> {
  for (let i = 0; i < count; i++) {
    const head = `{"id":${i},"region":"r${i % REGIONS}","amount":${i % AMOUNTS},"text":"`;
    yield `${head}${"x".repeat(RECORD_BYTES - head.length - 3)}"}`;
  }
}

function sumsByRegion(count: number): Record<string, number> {
  const sums = new Map<string, number>();
  for (let i = 0; i < count; i++)
    sums.set(`r${i % REGIONS}`, (sums.get(`r${i % REGIONS}`) ?? 0) + (i % AMOUNTS));
  return Object.fromEntries([...sums].sort(([a], [b]) => (a < b ? -1 : 1)));
}

// ── ranges ───────────────────────────────────────────────────────────────────

/** A power of two: its edges are exact. */
const BINS = 8;

/** What comes out, where item `i` of the range becomes `2 * i`. */
function reducersOf(to: number): [reduce: string, expected: unknown][] {
  const last = 2 * (to - 1);
  const edges = Array.from({ length: BINS + 1 }, (_, bin) => (2 * to * bin) / BINS);
  const below = edges.map((edge) => Math.ceil(edge / 2));
  const counts = below.slice(1).map((count, bin) => count - (below[bin] ?? 0));
  return [
    ["sum", BigInt(to) * BigInt(to - 1)],
    ["mean", to - 1],
    ["top-k:3", [last, last - 2, last - 4]],
    [`histogram:0:${2 * to}:${BINS}`, { edges, counts, below: 0, above: 0 }],
  ];
}

async function measureRanges(bench: Bench): Promise<Figure[]> {
  const to = sized(bench, ITEMS, 1_000);
  return await onFleet(bench, { workers: WORKERS }, async (fleet) => {
    const figures: Figure[] = [];
    for (const [reduce, expected] of reducersOf(to)) {
      const rates: number[] = [];
      for (let run = 0; run < bench.options.runs; run++)
        rates.push(await rateOfRange(fleet, { to, reduce, expected: encodeJson(expected) }));
      figures.push(figure(`${to} range items, ${reduce}`, "items/s", rates));
    }
    return figures;
  });
}

async function rateOfRange(
  fleet: Fleet,
  { to, reduce, expected }: { to: number; reduce: string; expected: string },
): Promise<number> {
  const body = JSON.stringify({ range: { to } });
  const { ms, outcome } = await fleet.run({ kind: "double", body, options: { reduce } });
  check(outcome.body, expected);
  return (to / ms) * 1_000;
}

function check(found: string, expected: string): void {
  if (found !== expected) throw new Unexpected(`the result is ${found} instead of ${expected}`);
}
