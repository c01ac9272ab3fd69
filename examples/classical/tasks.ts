/** What the pool and the task server do, as tasks. */
import { setTimeout as sleep } from "node:timers/promises";
import { task } from "muster";

/** How long a square takes, in ms, here as in `pool.py` and `naive/worker.mjs`. */
export const WORK_MS = 200;

export const square = task("square", {
  run: async (n: number, { log }) => {
    log.info(`begins ${n}`);
    await sleep(WORK_MS);
    return n * n;
  },
});
