/** What the law is measured with: kinds of work, and where their slots are. */
import { setTimeout as delay } from "node:timers/promises";
import type { Load } from "../../domain/scaling/law.ts";
import { median } from "../../domain/statistics.ts";
import type { Fleet } from "./fleet.ts";
import { type Bench, onFleet, repeated, sized } from "./scenario.ts";

/** A kind of work, and where its slots are. */
export interface Study {
  readonly name: string;
  readonly kind: "sleep" | "primes";
  readonly item: number;
  /** Handler time of an item, in milliseconds; undefined where it is measured on one slot. */
  readonly itemMs: number | undefined;
  /** Items that each slot runs, one after the other. */
  readonly rounds: number;
  /** Items a task; undefined: chunks size themselves. */
  readonly chunk: 1 | undefined;
  readonly over: "slots" | "processes";
}

const SLEEP = { kind: "sleep", over: "slots", chunk: 1 } as const;
/** A sieve of some ten milliseconds. */
const SIEVE = { kind: "primes", item: 2_000_000, itemMs: undefined, rounds: 20, chunk: 1 } as const;

export const STUDIES: readonly Study[] = [
  { ...SLEEP, name: "waiting 50 ms, slots of one process", item: 50, itemMs: 50, rounds: 20 },
  { ...SLEEP, name: "waiting 1 ms, slots of one process", item: 1, itemMs: 1, rounds: 500 },
  {
    ...SLEEP,
    name: "waiting 1 ms, slots of one process, automatic chunks",
    item: 1,
    itemMs: 1,
    rounds: 2_000,
    chunk: undefined,
  },
  { ...SLEEP, over: "processes", name: "waiting 50 ms, processes", item: 50, itemMs: 50, rounds: 20 },
  { ...SIEVE, over: "slots", name: "computing, slots of one process" },
  { ...SIEVE, over: "processes", name: "computing, processes" },
];

/** One number of slots in one study. */
export interface Measured {
  readonly load: Load;
  /** Of all runs, in milliseconds. */
  readonly times: readonly number[];
  /** What the handler took on average, as the workers tell. */
  readonly handlerMs: number;
  /** Of work that waits: how long the same waits take on as many lanes of a bare loop, without muster, in milliseconds. */
  readonly bareMs: number | undefined;
}

export async function measureStudy(bench: Bench, study: Study): Promise<Measured[]> {
  const points: Measured[] = [];
  let itemMs = study.itemMs;
  for (const slots of slotsOf(bench, study)) {
    const shape = study.over === "slots" ? { workers: 1, slots } : { workers: slots };
    const { times, handlerMs, bareMs } = await onFleet(bench, shape, (fleet) =>
      measureTimes(bench, fleet, study, slots),
    );
    itemMs ??= handlerMs;
    points.push({ load: { items: itemsOf(bench, study, slots), slots, itemMs }, times, handlerMs, bareMs });
  }
  return points;
}

/** Waiting needs no core, so it scales past them; computing in as many slots as twice the cores shows where it ends. */
function slotsOf({ options }: Bench, { kind, over }: Study): readonly number[] {
  if (over === "processes") return options.workers;
  return kind === "sleep" ? options.slots : options.slots.filter((slots) => slots <= 4);
}

function itemsOf(bench: Bench, { rounds }: Study, slots: number): number {
  return sized(bench, rounds, 3) * slots;
}

async function measureTimes(bench: Bench, fleet: Fleet, study: Study, slots: number) {
  const items = itemsOf(bench, study, slots);
  const body = JSON.stringify(Array.from({ length: items }, () => study.item));
  const bare: number[] = [];
  const ran = await repeated(bench, async () => {
    if (study.kind === "sleep") bare.push(await waitBare(study.item, { items, slots }));
    const { kind, chunk } = study;
    const options = { reduce: "count", ...(chunk === undefined ? {} : { chunk }) };
    return await fleet.run({ kind, body, options });
  });
  const handlerMs = median(ran.map(({ outcome }) => outcome.counts.handlerMs / items));
  return { times: ran.map(({ ms }) => ms), handlerMs, bareMs: bare.length > 0 ? median(bare) : undefined };
}

/** Waits in so many lanes, one wait after the other in each; a wait of 1 ms takes longer by the timers of Node alone. */
async function waitBare(ms: number, { items, slots }: Pick<Load, "items" | "slots">): Promise<number> {
  let left = items;
  const lane = async () => {
    while (left-- > 0) await delay(ms);
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: slots }, lane));
  return performance.now() - begun;
}

export function ratePoint({ load, times }: Measured): { n: number; rate: number } {
  return { n: load.slots, rate: (load.items / median(times)) * 1_000 };
}
