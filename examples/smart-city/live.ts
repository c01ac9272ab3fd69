/** Summaries of windows as they come, while workers come and go. */
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Muster } from "muster";
import type { Fleet } from "../fleet.ts";
import type { Window } from "./readings.ts";
import type { Summary } from "./summarize.ts";
import { summary } from "./tasks.ts";

/** Windows that are with the fleet at once; beyond it the stream has to wait. */
const IN_FLIGHT = 32;

/** The summary of each window, in their order: each is a job of its own, handed in as soon as the window is full. */
export function watch(
  muster: Muster,
  windows: Iterable<Window> | AsyncIterable<Window>,
): AsyncIterable<Summary> {
  return Readable.from(windows).map((window) => muster.run(summary, window), { concurrency: IN_FLIGHT });
}

/** Windows at the pace of a clock. */
export async function* replay(windows: Iterable<Window>, msEach: number): AsyncGenerator<Window> {
  for (const window of windows) {
    await sleep(msEach);
    yield window;
  }
}

/** Lets workers join and leave, every other one by SIGKILL, until that is enough; says how many there were. */
export async function turnover(fleet: Fleet, enough: AbortSignal): Promise<number> {
  let workers = 0;
  while (!enough.aborted) {
    const worker = await fleet.addWorker();
    await sleep(500);
    await worker.end(workers++ % 2 === 0 ? "SIGKILL" : "SIGTERM");
  }
  return workers;
}
