/** Cancelling a job that may just have been handed in. */
import { MusterError } from "../errors.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { sleep } from "../runtime/clock.ts";
import type { Ground } from "./send.ts";

/** Waits between the attempts, in milliseconds. */
const AGAIN = { base: 100, max: 2_000 };
/** With these waits some ten seconds at most: as long as a dispatcher that died is missed. */
const ATTEMPTS = 10;

/**
 * Cancels a job. One that was stored and that no dispatcher has taken up yet is asked about again.
 * @throws what dispatchers answer, or RequestFailed where none does
 */
export async function cancelJob({ client, context }: Ground, job: string, isStored: boolean): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await client.cancel(job);
    } catch (error) {
      if (attempt === ATTEMPTS || !isPassing(error, isStored)) throw error;
    }
    await sleep(context.clock, backoffMs(AGAIN, attempt, context.random));
  }
}

function isPassing(error: unknown, isStored: boolean): boolean {
  if (!(error instanceof MusterError)) return false;
  return error.code === "request_failed" || (isStored && error.code === "unknown_job");
}
