/** Part 3 of the demonstration: the measured time beside T = ceil(N/P)·Ts. */
import { print, run, type Stage, seconds } from "./stage.ts";

/** Each slot gets so many items, whatever the number of slots: so the ideal time is the same everywhere. */
const WAITS = { perSlot: 32, ms: 50 };
const COMPUTATIONS = { perSlot: 8, below: 20_000_000 };

interface Measured {
  what: string;
  items: number;
  slots: number;
  idealMs: number;
  ms: number;
}

export async function showLaw(stage: Stage): Promise<void> {
  const { slots } = stage;
  print(stage, "3  The law: T = ceil(N/P) · Ts, for N items that take Ts each, on P slots");
  report(stage, await measureWaiting(stage, slots));
  const { itemMs, single } = await measureOneSlot(stage);
  report(stage, single);
  if (slots > 1) report(stage, await measureComputing(stage, { slots, itemMs }));
  print(stage);
}

async function measureWaiting(stage: Stage, slots: number): Promise<Measured> {
  const items = WAITS.perSlot * slots;
  const body = JSON.stringify(Array.from({ length: items }, () => WAITS.ms));
  const { ms } = await run(stage, { kind: "sleep", body, options: { chunk: 1, reduce: "count" } });
  return { what: `waiting ${WAITS.ms} ms`, items, slots, idealMs: WAITS.perSlot * WAITS.ms, ms };
}

/** One task at a time is one slot; its handler time is the Ts of this machine. */
async function measureOneSlot(stage: Stage): Promise<{ itemMs: number; single: Measured }> {
  await compute(stage, 2 * stage.slots, {}); // The first calls compile.
  const items = COMPUTATIONS.perSlot;
  const { ms, outcome } = await compute(stage, items, { window: 1 });
  const itemMs = outcome.counts.handlerMs / items;
  return { itemMs, single: { what: computing(itemMs), items, slots: 1, idealMs: items * itemMs, ms } };
}

async function measureComputing(
  stage: Stage,
  { slots, itemMs }: { slots: number; itemMs: number },
): Promise<Measured> {
  const items = COMPUTATIONS.perSlot * slots;
  const { ms } = await compute(stage, items, {});
  return { what: computing(itemMs), items, slots, idealMs: COMPUTATIONS.perSlot * itemMs, ms };
}

function compute(stage: Stage, items: number, more: Record<string, number>) {
  const body = JSON.stringify(Array.from({ length: items }, () => COMPUTATIONS.below));
  return run(stage, { kind: "primes", body, options: { chunk: 1, reduce: "count", ...more } });
}

function computing(itemMs: number): string {
  return `computing ${Math.round(itemMs)} ms`;
}

function report(stage: Stage, { what, items, slots, idealMs, ms }: Measured): void {
  const cells = [
    what.padEnd(16),
    `N = ${items}, P = ${slots}`.padEnd(16),
    `ideal ${seconds(idealMs)}`.padEnd(14),
    `measured ${seconds(ms)}`.padEnd(17),
    `efficiency ${Math.round((100 * idealMs) / ms)} %`,
  ];
  print(stage, `   ${cells.join("  ")}`);
}
