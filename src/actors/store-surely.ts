/** Storing what must be stored: tried again while the broker is away or full. */
import type { StoreMessage } from "../broker/port.ts";
import { MusterError } from "../errors.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { sleep } from "../runtime/clock.ts";
import type { ActorContext } from "./context.ts";

/** Waits between the attempts, in milliseconds. */
export const STORE_RETRY = { base: 100, max: 5_000 };

/** The broker is away or full for now; anything else will not change by waiting. */
export function isPassing(error: unknown): boolean {
  return error instanceof MusterError && error.status >= 500 && error.status !== 505;
}

/**
 * Stores a message of which a second copy does no harm: after a lost answer it is simply stored again.
 * @throws what waiting cannot mend, or the signal's reason when it aborts
 */
export async function storeSurely(
  context: ActorContext,
  message: StoreMessage,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await context.broker.store(message);
      return;
    } catch (error) {
      if (!isPassing(error) || signal.aborted) throw error;
      context.events.emit("broker.trouble", { what: message.subject, reason: String(error) });
      await sleep(context.clock, backoffMs(STORE_RETRY, attempt, context.random), signal);
    }
  }
}
