/** Summaries of windows as they come, while workers come and go. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Job, Muster } from "muster";
import type { Fleet } from "../fleet.ts";
import type { Window } from "./readings.ts";
import type { Summary } from "./summarize.ts";
import { summary } from "./tasks.ts";

/** Windows whose summaries are waited for at once; beyond it the stream has to wait. */
const IN_FLIGHT = 32;

/** The summary of each window, in their order: each is a job of its own, handed in as soon as the window is full. */
export async function* watch(
  muster: Muster,
  windows: Iterable<Window> | AsyncIterable<Window>,
): AsyncGenerator<Summary> {
  const running: Job<Summary, Summary[]>[] = [];
  for await (const window of windows) {
    running.push(muster.map(summary, [window]));
    if (running.length > IN_FLIGHT) yield* (await running.splice(0, 1)[0]) ?? [];
  }
  for (const job of running) yield* await job;
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
