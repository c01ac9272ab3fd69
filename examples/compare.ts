/** The same work done plainly, in this process and one after the other, and by the fleet: are they equal, and what is faster? */
import assert from "node:assert/strict";
import { availableParallelism, loadavg } from "node:os";
import type { Job } from "muster";

export interface Work<Made, Result> {
  plain: () => Result | Promise<Result>;
  job: () => Job<unknown, Made>;
  /** Makes of the job's result what the plain way gives. */
  finish: (made: Made) => Result;
  /** Throws where the results differ by more than they may; else says how they compare. @default they must be equal */
  check?: (result: Result, expected: Result) => string;
}

/** Does it both ways, prints the times, and gives the result. @throws AssertionError where the results differ */
export async function compare<Made, Result>(what: string, work: Work<Made, Result>): Promise<Result> {
  let begin = performance.now();
  const expected = await work.plain();
  const plain = secondsSince(begin);

  await work.job(); // Threads load the module once; that is no part of the work.
  begin = performance.now();
  const job = work.job();
  const result = work.finish(await job);
  const fleet = secondsSince(begin);

  const verdict = (work.check ?? mustBeEqual)(result, expected);
  const { workers, speedUp } = await job.receipt();
  print(
    `${what}: plain ${plain.toFixed(2)} s, muster ${fleet.toFixed(2)} s, speed-up ${(plain / fleet).toFixed(1)}`,
  );
  const within = `${workers?.slots} slots, speed-up ${speedUp?.toFixed(1)} within the job`;
  print(`  receipt: ${within}; ${verdict}`);
  return result;
}

function mustBeEqual(result: unknown, expected: unknown): string {
  assert.deepEqual(result, expected);
  return "the results are equal";
}

/** What the figures are worth depends on it. */
export function machine(): string {
  return `${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}`;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function secondsSince(begin: number): number {
  return (performance.now() - begin) / 1_000;
}
