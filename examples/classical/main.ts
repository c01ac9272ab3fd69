/** The pool and the task server that everyone knows, and what muster does in their place. */
import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { compare, print } from "../compare.ts";
import type { Fleet } from "../fleet.ts";
import { runNaively } from "./naive/run.ts";
import { square, WORK_MS } from "./tasks.ts";

/** Five processes, as the pool has; a worker that is silent for two seconds counts as dead. */
export const FLEET = { workers: 5, lease: "2s" };

const FIVE = [1, 2, 3, 4, 5];
const TWELVE = Array.from({ length: 12 }, (_, index) => index + 1);

export async function main(fleet: Fleet): Promise<void> {
  const squares = await compare("five squares", {
    plain: () => squaresPlainly(FIVE),
    job: () => fleet.muster.map(square, FIVE), // as pool.map(square, FIVE)
    finish: (squares) => squares,
  });
  print(`  muster  ${JSON.stringify(squares)}`);
  print(`  Python  ${await squaresOfPool()}`);

  const naive = await runNaively(TWELVE);
  print(
    `naive task server, a worker killed: ${naive.size} of 12 squares; nobody knows that ${missing(naive)} is lost`,
  );
  const whole = await squaresWhileOneDies(fleet, TWELVE);
  print(`muster, a worker killed: ${whole.length} of 12 squares: ${whole.join(" ")}`);
}

export async function squaresPlainly(numbers: readonly number[]): Promise<number[]> {
  const squares: number[] = [];
  for (const n of numbers) {
    await sleep(WORK_MS);
    squares.push(n * n);
  }
  return squares;
}

/** Lets a worker join, and kills it with SIGKILL as soon as it has begun something. */
export async function squaresWhileOneDies(fleet: Fleet, numbers: readonly number[]): Promise<number[]> {
  const victim = await fleet.addWorker();
  const job = fleet.muster.map(square, numbers, { chunk: 1 });
  await victim.says(/(begins \d+)/);
  await victim.end("SIGKILL");
  return await job;
}

/** What `multiprocessing.Pool` makes of it, where Python is. */
export async function squaresOfPool(): Promise<string> {
  const script = fileURLToPath(new URL("pool.py", import.meta.url));
  try {
    const { stdout } = await promisify(execFile)("python3", [script]);
    const { result, seconds }: { result: number[]; seconds: number } = JSON.parse(stdout);
    return `${JSON.stringify(result)} in ${seconds.toFixed(2)} s, its start included`;
  } catch {
    return "is not on this machine";
  }
}

function missing(squares: ReadonlyMap<number, number>): string {
  return TWELVE.filter((n) => !squares.has(n)).join(", ");
}
