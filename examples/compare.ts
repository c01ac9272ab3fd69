/** The same work done plainly, in this process and one after the other, and by the fleet: are they equal, and what is faster? */
import assert from "node:assert/strict";
import { availableParallelism, loadavg } from "node:os";

export interface Work<Result> {
  plain: () => Result | Promise<Result>;
  fleet: () => PromiseLike<Result>;
}

/** Runs both, prints their times, and gives the result. @throws AssertionError where the results differ */
export async function compare<Result>(what: string, { plain, fleet }: Work<Result>): Promise<Result> {
  const one = await timed(plain);
  await fleet(); // Threads load the module once; that is no part of the work.
  const many = await timed(fleet);
  assert.deepEqual(many.result, one.result);
  const speedUp = (one.seconds / many.seconds).toFixed(1);
  print(`${what}: plain ${text(one)}, muster ${text(many)}, speed-up ${speedUp}; the results are equal`);
  return many.result;
}

async function timed<Result>(work: () => Result | PromiseLike<Result>) {
  const begin = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - begin) / 1_000 };
}

const text = ({ seconds }: { seconds: number }) => `${seconds.toFixed(2)} s`;

/** What figures are worth depends on it. */
export function machine(): string {
  return `${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}`;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
