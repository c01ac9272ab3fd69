/** The points at which an actor can be made to die: before and after each publish, settlement and compare-and-set. */
import type { Role } from "./history.ts";

/** The steps of each role, and what each of them does. */
export const STEPS: Record<Role, Readonly<Record<string, string>>> = {
  dispatcher: {
    job: "stores a job that was requested",
    task: "stores a task of a small job",
    batch: "stores tasks and cursor, under compare-and-set",
    tombstone: "closes the cursor of a job that is over, under compare-and-set",
    outcome: "writes the outcome of a job that was cancelled or expired, under compare-and-set",
    "purge-tasks": "removes what is left of a job's tasks",
    ack: "acknowledges a job that is over",
    extend: "extends the lease of a job",
    reply: "answers a caller",
    progress: "tells that a job is over",
    query: "asks how far a job is",
    cancel: "tells that a job is cancelled",
    event: "publishes an event",
    beat: "tells that it is there",
  },
  worker: {
    result: "stores a task's result",
    outcome: "writes the outcome of a job of one task, under compare-and-set",
    "dead-letter": "stores an item that failed for good",
    mark: "notes that it begins a task that was delivered before",
    "purge-mark": "removes that note",
    ack: "acknowledges a task",
    extend: "extends the lease of a task",
    drop: "settles a task whose job is over",
    reply: "answers the caller of a job of one task",
    progress: "tells that a job of one task is over",
    event: "publishes an event",
    beat: "tells that it is there",
  },
  aggregator: {
    claim: "claims a partition that nobody has, under compare-and-set",
    renew: "renews or takes over the lease of a partition, under compare-and-set",
    outcome: "writes a job's outcome, under compare-and-set",
    checkpoint: "keeps the state of a job, under compare-and-set",
    position: "moves the position of a partition, under compare-and-set",
    trim: "removes the results behind the position",
    "purge-results": "removes the results of a job that is over",
    "purge-checkpoint": "removes the checkpoint of a job that is over",
    reply: "answers a caller",
    progress: "tells how far jobs are",
    event: "publishes an event",
    beat: "tells that it is there",
  },
};

/** All points, as `worker.result.before`. */
export const POINTS: readonly string[] = (Object.keys(STEPS) as Role[]).flatMap((role) =>
  Object.keys(STEPS[role]).flatMap((step) => [`${role}.${step}.before`, `${role}.${step}.after`]),
);

/** What storing, or publishing, on a subject is called; `muster` is the fleet's prefix. */
export function stepOfSubject(subject: string): string {
  const [prefix = "", family = "", ...rest] = subject.split(".");
  if (prefix !== "muster") return "reply";
  if (family === "control") return rest[0] ?? "";
  if (family === "checkpoints") return rest.length > 1 ? "checkpoint" : "position";
  return BY_FAMILY[family] ?? family;
}

const BY_FAMILY: Readonly<Record<string, string>> = {
  jobs: "job",
  tasks: "task",
  cursors: "tombstone",
  results: "result",
  outcomes: "outcome",
  deaths: "mark",
  dead: "dead-letter",
  events: "event",
};

/** What removing the messages of a subject is called. */
export function stepOfPurge(subject: string): string {
  const [, family, ...rest] = subject.split(".");
  const ofMany = rest.includes("*");
  if (family === "results") return ofMany ? "trim" : "purge-results";
  if (family === "deaths") return ofMany ? "purge-tasks" : "purge-mark";
  return family === "tasks" ? "purge-tasks" : "purge-checkpoint";
}
