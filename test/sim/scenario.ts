/** What happens in one simulation, as data that a seed determines, and that can be made smaller. */
import type { ClockFault } from "./actor-clock.ts";
import { mix } from "./dice.ts";

export type Role = "dispatcher" | "worker" | "aggregator";

export interface Scenario {
  seed: number;
  fleet: Record<Role, number>;
  slots: number;
  partitions: number;
  leaseMs: number;
  /** How long a client waits for the broker's answer. */
  timeoutMs: number;
  /** The largest message, in bytes: small ones bring the object store into play. */
  maxPayload: number;
  /** Bytes that the stream of tasks may take. */
  taskBytes: number;
  /** Memory of an aggregator for collected outputs, in bytes. */
  cacheBytes: number;
  /** Every message takes up to so long, and may so overtake others. */
  latencyMs: number;
  clocks: ClockFault[];
  jobs: SimJob[];
  weather: Weather[];
  blows: Blow[];
  /** When faults are over that do not wait for a message, in milliseconds from the start. */
  calmAt: number;
}

/** A time in which messages meet with accidents. */
export interface Weather {
  from: number;
  until: number;
  loss: number;
  twice: number;
  slow: number;
  slowMs: number;
  /** Which messages. */
  what: "all" | Passage;
  /** Only those with this word in their subject. */
  word?: string;
}

export const PASSAGES = ["publish", "ack", "deliver", "settle", "look", "answer", "core", "tail"] as const;
export type Passage = (typeof PASSAGES)[number];

/** Which message of a process brings on a blow: the `nth` of this sort whose subject has the word in it. */
export interface Trigger {
  passage: Passage | undefined;
  word: string;
  nth: number;
}

/** Whom a blow hits, and when: at once, or at a message of its own after `at`. */
export interface Target {
  at: number;
  role: Role;
  index: number;
  trigger: Trigger | undefined;
}

/** Something that happens to one process. */
export type Harm =
  /** SIGKILL; another process comes after `downMs`. */
  | { type: "kill"; downMs: number }
  /** SIGSTOP, then SIGCONT. */
  | { type: "pause"; ms: number }
  /** SIGTERM; a second one after `abortMs`. */
  | { type: "drain"; downMs: number; abortMs: number | undefined }
  /** The connection is lost for a while. */
  | { type: "cut"; ms: number }
  /** The clock is set. */
  | { type: "jump"; ms: number };

/** Something that happens to one process, or to the broker. */
export type Blow =
  | (Target & Harm)
  | { type: "restart"; at: number; downMs: number }
  /** For so long the broker loses a share of what it has stored: of cursors and tasks, or of results. */
  | { type: "loss"; at: number; ms: number; stream: "MUSTER_TASKS" | "MUSTER_RESULTS"; share: number };

export type Via = "store" | "records" | "raw" | "submit" | "run" | "watch";
export type Reduce = "sum" | "count" | "collect" | "merge-counts";

export interface SimJob {
  index: number;
  at: number;
  via: Via;
  reduce: Reduce;
  /** Items are numbers of a range, not objects. */
  range: boolean;
  count: number;
  chunk: number | undefined;
  window: number | undefined;
  onError: "fail" | "continue";
  maxAttempts: number;
  priority: "high" | "normal" | "low";
  key: string | undefined;
  /** It is submitted again, under the same key, so long after. */
  againAfter: number | undefined;
  deadlineMs: number | undefined;
  delayMs: number | undefined;
  cancelAfter: number | undefined;
  /** Shares of items that fail at first, and for good. */
  flaky: number;
  broken: number;
  /** Handler time of an item at most. */
  itemMs: number;
  /** Characters that an output is filled up to. */
  pad: number;
  /** The item that kills its worker. */
  poison: number | undefined;
  /** The body is no JSON. */
  invalid: boolean;
}

/** An item and what becomes of it. */
export interface SimItem {
  /** Different from that of every other item of the simulation. */
  w: number;
  /** Attempts that fail. */
  f: number;
  /** Fails for good. */
  p: boolean;
  /** Kills its worker. */
  x: boolean;
  ms: number;
}

const RANGE_BASE = 1_000_000;
const FEW = 4096;

/** The item with this number, of a job that is given as objects. */
export function itemOf(seed: number, job: SimJob, index: number): SimItem {
  if (job.range) return rangeItem(job, RANGE_BASE * (job.index + 1) + index);
  const hash = mix(mix(seed ^ (job.index * 7919)) ^ index);
  const w = (job.index + 1) * 2 ** 36 + (hash >>> 8) * FEW + (index % FEW);
  return { w, x: index === job.poison, ...fateOf(job, mix(hash + 1)) };
}

/** What stands behind the number of a range. */
export function rangeItem(job: SimJob, value: number): SimItem {
  const x = value - rangeStart(job) === job.poison;
  return { w: value, x, ...fateOf(job, mix(value * 31)) };
}

export function rangeStart(job: SimJob): number {
  return RANGE_BASE * (job.index + 1);
}

export function jobIndexOfRange(value: number): number {
  return Math.floor(value / RANGE_BASE) - 1;
}

function fateOf(job: SimJob, hash: number): Omit<SimItem, "w" | "x"> {
  const share = (hash & 0xffff) / 0x10000;
  const p = share < job.broken;
  const isFlaky = !p && share < job.broken + job.flaky;
  const f = isFlaky ? 1 + ((hash >>> 16) % 3) : 0;
  return { p, f, ms: job.itemMs === 0 ? 0 : (hash >>> 18) % (job.itemMs + 1) };
}
