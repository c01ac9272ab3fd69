/**
 * What everyone who takes part in a chaos run writes down: one JSON object a line, one file a process. The checker
 * knows nothing of a run but these lines.
 */
import { appendFileSync, openSync, writeSync } from "node:fs";
import type { JobPlan } from "./job-plan.ts";

/** How a job got into the fleet. */
export type Way = "submit" | "keyed" | "publish" | "request" | "run" | "watch";

export type Role = "dispatcher" | "worker" | "aggregator";

/** An outcome as a caller, or the reader of the streams, saw it. */
export interface SeenOutcome {
  job: string;
  state: string;
  items: number;
  failed: number;
  /** Numbers of the items that it names as buried. */
  buried: readonly number[];
  /** A hash of its body, or of the object that the body stands for. */
  digest: string;
}

export type Line =
  // What callers do and see.
  | { what: "submitting"; plan: JobPlan; way: Way }
  | { what: "accepted"; label: number; job: string }
  /** Nobody knows whether it was accepted. */
  | { what: "unknown"; label: number; reason: string }
  | { what: "cancelling"; job: string }
  | { what: "progress"; job: string; items: number; heard: string }
  | ({ what: "outcome"; label: number } & SeenOutcome)
  /** The caller gave up waiting. */
  | { what: "missing"; label: number; job: string }
  // What handlers do: items as `from-to` ranges, both included.
  | { what: "begin"; job: string; label: number; items: string; attempt: number }
  | { what: "end"; job: string; items: string }
  // What actors hold: a message of a queue by its subject and sequence, or a partition by its number.
  | { what: "take"; key: string }
  | { what: "settle"; key: string }
  | { what: "claim"; key: string }
  | { what: "resume"; key: string }
  // What is done to the fleet.
  | { what: "spawn"; actor: string; role: Role; pid: number }
  | { what: "crash"; point: string }
  /** `began`: it took part before; `wanted`: it was made to end. */
  | { what: "exit"; actor: string; role: Role; how: string; began: boolean; wanted: boolean }
  | { what: "fault"; fault: string; on: string; lasted: number }
  /** How many messages the proxies repeated, brought late, and swallowed. */
  | { what: "meddled"; repeated: number; late: number; lost: number }
  // What the streams hold at the end.
  | ({ what: "standing"; seq: number } & SeenOutcome)
  | { what: "dead"; job: string; index: number; attempts: number; code: string }
  | { what: "left"; thing: string };

/** A line with the moment it was written, in milliseconds since 1970, and the actor that wrote it, if one did. */
export type Entry = Line & { at: number; by?: string };

/** Appends to a file line by line; every line is in the file when `write` returns, so that a SIGKILL loses none. */
export class History {
  readonly #file: number;
  readonly #by: string | undefined;

  constructor(path: string, by?: string) {
    this.#file = openSync(path, "a");
    this.#by = by;
  }

  write(line: Line): void {
    writeSync(this.#file, entryText(line, this.#by));
  }
}

/** One line into a file that is opened and closed for it: for threads, which come and go. */
export function appendLine(path: string, by: string, line: Line): void {
  appendFileSync(path, entryText(line, by));
}

function entryText(line: Line, by: string | undefined): string {
  return `${JSON.stringify({ at: Date.now(), ...(by === undefined ? {} : { by }), ...line })}\n`;
}
