/** What a caller of `muster.watch.<kind>` gets to see until the result: accepted, then progress at least every 250 ms. */
import type { ProgressLine } from "../../protocol/progress.ts";
import type { Timer } from "../../runtime/clock.ts";
import type { ActorContext } from "../context.ts";

const PROGRESS_MS = 250;

export interface WatchedJob {
  job: string;
  kind: string;
  /** Undefined while the input is still being read. */
  total(): number | undefined;
}

/** Sends `accepted` at once and progress until the returned function is called. The result is sent by who ends the job. */
export function watchJob(
  context: ActorContext,
  { subject, watched }: { subject: string; watched: WatchedJob },
  onProgress: (job: string, listener: (line: ProgressLine) => void) => () => void,
): () => void {
  const { broker, clock } = context;
  const { job, kind } = watched;
  let items = 0;
  let failed = 0;
  const send = (fields: object) =>
    broker.publish({ subject, data: JSON.stringify({ job, kind, ...fields }) });
  const off = onProgress(job, (line) => {
    if (line.state !== undefined) return end();
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
  return end;
}
