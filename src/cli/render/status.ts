/** The tables of `muster status` and `muster workers`. */
import type { JobView } from "../../actors/dispatcher/job-verbs.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { itemsOf } from "./job-line.ts";
import { type Column, formatTable } from "./table.ts";
import { counted, formatBytes, formatSpan, oneLine } from "./text.ts";

const right = (head: string): Column => ({ head, align: "right" });
const left = (head: string): Column => ({ head });

type Named = { id: string };

/** Who is there, in a sentence. */
export function formatFleetLine(fleet: {
  dispatchers: readonly Named[];
  aggregators: readonly Named[];
  workers: readonly { slots: number }[];
}): string {
  const { dispatchers, aggregators, workers } = fleet;
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  const words = [
    counted(dispatchers.length, "dispatcher"),
    counted(aggregators.length, "aggregator"),
    `${counted(workers.length, "worker")} with ${counted(slots, "slot")}`,
  ];
  return `${words.join(", ")}\n`;
}

export function formatJobs(jobs: readonly JobView[], now: number): string {
  if (jobs.length === 0) return "No jobs.\n";
  const columns = [
    left("JOB"),
    left("KIND"),
    left("STATE"),
    right("ITEMS"),
    right("FAILED"),
    right("TOOK"),
    right("SUBMITTED"),
  ];
  const rows = jobs.map((view) => [
    view.job,
    view.kind,
    view.state,
    itemsOf(view),
    String(view.failed),
    formatSpan(endOf(view, now) - Date.parse(view.submitted)),
    `${formatSpan(now - Date.parse(view.submitted))} ago`,
  ]);
  return formatTable(columns, rows);
}

function endOf({ finished }: JobView, now: number): number {
  return finished === undefined ? now : Date.parse(finished);
}

/** A worker, as far as it is shown. */
export interface WorkerRow {
  id: string;
  host: string;
  pid: number;
  slots: number;
  kinds: readonly string[];
  items: number;
  failed: number;
  handlerMs: number;
  started: string | undefined;
}

export function formatWorkers(workers: readonly WorkerRow[], now: number): string {
  if (workers.length === 0) return "No workers.\n";
  const columns = [
    left("WORKER"),
    left("HOST"),
    right("PID"),
    right("SLOTS"),
    right("ITEMS"),
    right("FAILED"),
  ];
  const rows = workers.map(({ id, host, pid, slots, items, failed, handlerMs, started, kinds }) => [
    ...[id, host, String(pid), String(slots), String(items), String(failed)],
    formatSpan(handlerMs),
    started === undefined ? "-" : formatSpan(now - Date.parse(started)),
    kinds.join(" "),
  ]);
  return formatTable([...columns, right("HANDLER TIME"), right("UP"), left("KINDS")], rows);
}

export function formatQueues(
  queues: readonly { queue: string; pending: number; unacknowledged: number }[],
): string {
  if (queues.length === 0) return "Nothing waits in the queues.\n";
  const rows = queues.map(({ queue, pending, unacknowledged }) => [
    queue,
    String(pending),
    String(unacknowledged),
  ]);
  return formatTable([left("QUEUE"), right("WAITING"), right("IN WORK")], rows);
}

export function formatStreams(
  streams: readonly { stream: string; messages: number; bytes: number }[],
): string {
  const rows = streams.map(({ stream, messages, bytes }) => [stream, String(messages), formatBytes(bytes)]);
  return formatTable([left("STREAM"), right("MESSAGES"), right("SIZE")], rows);
}

// ── one job ────────────────────────────────────────────────────────────────────────────────────────────────────

/** A job, running or over, field by field. */
export function formatJob(job: JobView | Outcome): string {
  const fields = "counts" in job ? outcomeFields(job) : viewFields(job);
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}

type Field = [name: string, value: string];

function viewFields({ job, kind, state, items, total, failed, tasks, submitted }: JobView): Field[] {
  return [
    ["job", job],
    ["kind", kind],
    ["state", state],
    ["items", itemsOf({ items, total })],
    ["failed", String(failed)],
    ["tasks", String(tasks)],
    ["submitted", submitted],
  ];
}

function outcomeFields(outcome: Outcome): Field[] {
  const { job, kind, state, counts, times, error } = outcome;
  return [
    ["job", job],
    ["kind", kind],
    ["state", state],
    ["items", String(counts.items)],
    ["failed", String(counts.failed)],
    ["tasks", String(counts.tasks)],
    ["duplicates", String(counts.duplicates)],
    ["handler time", formatSpan(counts.handlerMs)],
    ["submitted", iso(times.submitted)],
    ["finished", iso(times.finished)],
    ["took", formatSpan(times.finished - times.submitted)],
    error === undefined
      ? ["result", resultOf(outcome)]
      : ["error", oneLine(`${error.message} [${error.code}]`)],
  ];
}

function resultOf({ object, body }: Outcome): string {
  return object ?? formatBytes(Buffer.byteLength(body));
}

function iso(time: number): string {
  return Number.isFinite(time) ? new Date(time).toISOString() : "-";
}
