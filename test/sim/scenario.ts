/** What happens in one simulation, as data that a seed determines, and that can be made smaller. */
import type { ClockFault } from "./actor-clock.ts";
import { Dice, mix } from "./dice.ts";

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
  /** When faults are over, in milliseconds from the start. */
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
export type Blow = (Target & Harm) | { type: "restart"; at: number; downMs: number };

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

// ── drawing one ────────────────────────────────────────────────────────────────────────────────────────────────

const SPAN_MS = 4_000;
const LONGEST_RESTART_MS = 2_000;
/** Room for a few batches of windowed jobs. */
const TIGHT = 32 * 1024;
/** So many tasks of a job may be out where there is little room: more would never fit in one batch. */
const TIGHT_WINDOW = 5;

export function scenarioOf(seed: number): Scenario {
  const dice = new Dice(seed);
  const fleet = fleetOf(dice.fork("fleet"));
  const isCalm = dice.chance(0.1);
  const drawn = jobsOf(dice.fork("jobs"));
  const jobs = fleet.taskBytes === TIGHT ? drawn.map(windowed) : drawn;
  return {
    seed,
    ...fleet,
    jobs,
    weather: isCalm ? [] : weatherOf(dice.fork("weather")),
    blows: isCalm ? [] : blowsOf(dice.fork("blows"), fleet.fleet, fleet.leaseMs),
    calmAt: isCalm ? 0 : SPAN_MS + LONGEST_RESTART_MS,
  };
}

function windowed(job: SimJob): SimJob {
  return { ...job, window: job.window ?? TIGHT_WINDOW };
}

type FleetPart = Omit<Scenario, "seed" | "jobs" | "weather" | "blows" | "calmAt">;

function fleetOf(dice: Dice): FleetPart {
  const areClocksWrong = dice.chance(0.5);
  return {
    fleet: { dispatcher: dice.int(1, 2), worker: dice.int(1, 3), aggregator: dice.int(1, 2) },
    slots: dice.int(1, 3),
    partitions: dice.int(1, 2),
    leaseMs: dice.pick([800, 1_500, 3_000]),
    timeoutMs: dice.pick([300, 1_000, 1_000, 5_000]),
    maxPayload: dice.pick([1024 * 1024, 20 * 1024]),
    taskBytes: dice.pick([2 ** 30, 2 ** 30, 2 ** 30, TIGHT]),
    cacheBytes: dice.pick([2 ** 26, 2 ** 26, 0, 1_000]),
    latencyMs: dice.pick([0, 0, 1, 3, 20]),
    clocks: Array.from({ length: 8 }, () => clockOf(dice, areClocksWrong)),
  };
}

function clockOf(dice: Dice, isWrong: boolean): ClockFault {
  if (!isWrong) return { offsetMs: 0, rate: 1 };
  return { offsetMs: dice.int(-5_000, 5_000), rate: dice.pick([0.9, 0.99, 1, 1.01, 1.1]) };
}

function jobsOf(dice: Dice): SimJob[] {
  return Array.from({ length: dice.int(1, 5) }, (_, index) => jobOf(dice.fork(`job ${index}`), index));
}

function jobOf(dice: Dice, index: number): SimJob {
  const via = dice.pick<Via>(["store", "store", "raw", "records", "records", "submit", "run", "watch"]);
  const itemMs = dice.pick([0, 0, 2, 20, 60, 300]);
  // Whatever its window, a job must end in time.
  const count = Math.min(countOf(dice), Math.floor(4_000 / Math.max(1, itemMs)));
  const isLarge = dice.chance(0.5);
  // Where neither items nor a range tell whose job it is, its key must.
  const invalid = dice.chance(0.03);
  const hasKey = via === "records" || via === "raw" || invalid || count === 0 || dice.chance(0.4);
  const isTroubled = dice.chance(0.4);
  return {
    index,
    at: dice.int(0, SPAN_MS),
    via,
    reduce: dice.pick<Reduce>(["sum", "count", "collect", "merge-counts"]),
    range: via !== "records" && dice.chance(0.3),
    count,
    chunk: dice.pick([undefined, 1, 2, 3, 7]),
    window: isLarge ? dice.pick([1, 2, 3, 5, 16]) : undefined,
    onError: dice.pick(["fail", "continue"]),
    maxAttempts: dice.int(1, 4),
    priority: dice.pick(["high", "normal", "normal", "low"]),
    key: hasKey ? `key-${index}` : undefined,
    againAfter: hasKey && dice.chance(0.5) ? dice.int(0, 3_000) : undefined,
    deadlineMs: dice.chance(0.1) ? dice.int(50, 4_000) : undefined,
    delayMs: dice.chance(0.1) ? dice.int(10, 2_000) : undefined,
    cancelAfter: dice.chance(0.15) ? dice.int(0, 2_000) : undefined,
    flaky: isTroubled ? 0.2 : 0,
    broken: isTroubled && dice.chance(0.5) ? 0.1 : 0,
    itemMs,
    pad: dice.chance(0.3) ? dice.pick([300, 2_500]) : 0,
    poison: dice.chance(0.04) && count > 0 ? dice.int(0, count - 1) : undefined,
    invalid: invalid && via !== "records",
  };
}

function countOf(dice: Dice): number {
  const size = dice.int(0, 9);
  if (size === 0) return dice.int(0, 1);
  if (size <= 2) return 1;
  if (size <= 8) return dice.int(2, 30);
  return dice.int(30, 400);
}

function weatherOf(dice: Dice): Weather[] {
  return Array.from({ length: dice.int(0, 3) }, () => {
    const from = dice.int(0, SPAN_MS);
    const slow = dice.pick([0, 0.05, 0.3]);
    return {
      from,
      until: Math.min(SPAN_MS + 1_000, from + dice.int(100, 3_000)),
      loss: dice.pick([0, 0.02, 0.1, 0.5]),
      twice: dice.pick([0, 0, 0.05, 0.3]),
      slow,
      slowMs: dice.pick([5, 50, 500, 3_000]),
      what: dice.chance(0.4) ? "all" : dice.pick(PASSAGES),
    };
  });
}

function blowsOf(dice: Dice, fleet: Record<Role, number>, leaseMs: number): Blow[] {
  const isStorm = dice.chance(0.15);
  return Array.from({ length: isStorm ? dice.int(6, 16) : dice.int(0, 5) }, () =>
    blowOf(dice, fleet, leaseMs),
  );
}

/** What subjects have in them at the steps that matter. */
const WORDS = [
  "outcomes",
  "cursors",
  "checkpoints",
  "results",
  "tasks",
  "jobs",
  "deaths",
  "dead",
  "KV",
  "control",
  "INPUTS",
];

function triggerOf(dice: Dice): Trigger | undefined {
  if (dice.chance(0.3)) return undefined;
  if (dice.chance(0.3)) return { passage: undefined, word: "", nth: dice.int(1, 40) };
  return {
    passage: dice.pick([undefined, "publish", "ack", "deliver", "settle"]),
    word: dice.pick(WORDS),
    nth: dice.pick([1, 1, 2, 3, 5]),
  };
}

function blowOf(dice: Dice, fleet: Record<Role, number>, leaseMs: number): Blow {
  const at = dice.int(0, SPAN_MS);
  if (dice.chance(0.1)) return { type: "restart", at, downMs: dice.int(0, LONGEST_RESTART_MS) };
  const role = dice.pick<Role>(["dispatcher", "worker", "aggregator"]);
  const target = { at, role, index: dice.int(0, fleet[role] - 1), trigger: triggerOf(dice) };
  switch (dice.pick(["kill", "kill", "kill", "pause", "pause", "drain", "cut", "jump"] as const)) {
    case "kill":
      return { type: "kill", ...target, downMs: dice.int(0, 1_500) };
    case "pause":
      return { type: "pause", ...target, ms: dice.pick([leaseMs / 2, leaseMs * 1.5, leaseMs * 3, 5_000]) };
    case "drain":
      return {
        type: "drain",
        ...target,
        downMs: dice.int(0, 1_000),
        abortMs: dice.chance(0.3) ? dice.int(0, 500) : undefined,
      };
    case "cut":
      return { type: "cut", ...target, ms: dice.int(10, 2_000) };
    case "jump":
      return { type: "jump", ...target, ms: dice.int(-10_000, 10_000) };
  }
}
