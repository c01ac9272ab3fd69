/** Waiting for a job's outcome: told by the aggregators, and looked up now and then in case that was missed. */
import type { Outcome } from "../protocol/outcome.ts";
import type { ActorContext } from "./context.ts";
import { readOutcome } from "./outcomes.ts";
import type { ProgressHub } from "./progress-hub.ts";

const LOOK_MS = 2_000;

/** Where news of jobs come from. */
export type OutcomeNews = Pick<ProgressHub, "on">;

/** @throws the signal's reason when it aborts first */
export function awaitOutcome(
  context: ActorContext,
  { news, job }: { news: OutcomeNews; job: string },
  signal: AbortSignal,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const off = news.on(job, (line) => line.state !== undefined && look());
    const timer = context.clock.every(LOOK_MS, look);
    signal.addEventListener("abort", onAbort, { once: true });
    look();

    function look(): void {
      readOutcome(context, job).then(
        (outcome) => outcome !== undefined && end(() => resolve(outcome)),
        (error) =>
          context.events.emit("broker.trouble", { what: `outcome of ${job}`, reason: String(error) }),
      );
    }
    function onAbort(): void {
      end(() => reject(signal.reason));
    }
    function end(settle: () => void): void {
      off();
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
      settle();
    }
  });
}
