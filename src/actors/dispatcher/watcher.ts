/** What a caller of `muster.watch.<kind>` gets to see until the result: accepted, then progress at least every 250 ms. */
import type { Timer } from "../../runtime/clock.ts";
import { awaitOutcome } from "../await-outcome.ts";
import type { ActorContext } from "../context.ts";
import type { ProgressHub } from "../progress-hub.ts";

const PROGRESS_MS = 250;

export interface WatchedJob {
  job: string;
  kind: string;
  /** Undefined while the input is still being read. */
  total(): number | undefined;
}

export interface Watch {
  /** Where the caller listens. */
  subject: string;
  watched: WatchedJob;
  hub: ProgressHub;
}

/**
 * Sends `accepted` at once, and progress until the job is over or `signal` aborts. The result is sent by who ends the
 * job.
 */
export function watchJob(context: ActorContext, { subject, watched, hub }: Watch, signal: AbortSignal): void {
  const { broker, clock } = context;
  const { job, kind } = watched;
  let items = 0;
  let failed = 0;
  const send = (fields: object) =>
    broker.publish({ subject, data: JSON.stringify({ job, kind, ...fields }) });
  const off = hub.on(job, (line) => {
    items = Math.max(items, line.items);
    failed = Math.max(failed, line.failed);
  });
  send({ state: "accepted" });
  const timer: Timer = clock.every(PROGRESS_MS, () => {
    const total = watched.total();
    send({ state: "running", items, failed, ...(total === undefined ? {} : { total }) });
  });
  function end(): void {
    timer.cancel();
    off();
  }
  // What is told of the end may be lost: the outcome itself is looked for, too.
  awaitOutcome(context, { news: hub, job }, signal).then(end, end);
}
