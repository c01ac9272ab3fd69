/** What every scenario is given, and gives back. */

import type { FleetGround } from "./fleet.ts";
import { type Fleet, type FleetShape, withFleet } from "./fleet.ts";
import type { Findings } from "./report.ts";

export interface BenchOptions {
  /** How often each figure is measured. */
  runs: number;
  /** Factor on the sizes of all jobs: below 1 to try a scenario out, where figures mean little. */
  size: number;
  /** Worker processes, one fleet for each number. */
  workers: readonly number[];
  /** Slots of a worker process, for the law. */
  slots: readonly number[];
  /** Whether the discrete-event model is run as well. */
  simulate: boolean;
}

export interface Bench extends FleetGround {
  options: BenchOptions;
  /** Tells what is being done. */
  tell(line: string): void;
}

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  run(bench: Bench): Promise<Findings>;
}

export function onFleet<T>(bench: Bench, shape: FleetShape, work: (fleet: Fleet) => Promise<T>): Promise<T> {
  const { workers, slots = 1 } = shape;
  bench.tell(`${workers} worker${workers === 1 ? "" : "s"} of ${slots} slot${slots === 1 ? "" : "s"}`);
  return withFleet(bench, shape, work);
}

/** `count` times the size that was asked for, at least `least`. */
export function sized({ options }: Bench, count: number, least = 1): number {
  return Math.max(least, Math.round(count * options.size));
}

/** Measures as often as was asked for, after once that does not count: the first time code is compiled and caches are cold. */
export async function repeated<T>({ options, signal }: Bench, measure: () => Promise<T>): Promise<T[]> {
  await measure();
  const values: T[] = [];
  while (values.length < options.runs) {
    signal.throwIfAborted();
    values.push(await measure());
  }
  return values;
}

/** Does `count` things, so many at once. */
export async function manyAtOnce(
  count: number,
  atOnce: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, lane));
}
