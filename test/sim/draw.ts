/** Draws a scenario from a seed. */
import type { ClockFault } from "./actor-clock.ts";
import { Dice } from "./dice.ts";
import { madeForPurpose } from "./purposes.ts";
import {
  type Blow,
  PASSAGES,
  type Reduce,
  type Role,
  type Scenario,
  type SimJob,
  type Trigger,
  type Via,
  type Weather,
} from "./scenario.ts";

/** How much happens in a scenario, and for how long. */
interface Extent {
  /** In which jobs are sent and faults begin, in milliseconds. */
  spanMs: number;
  longestRestartMs: number;
  /** How many jobs: one of these. */
  jobs: readonly number[];
  workers: number;
  blows: number;
  leasesMs: readonly number[];
  /** What the items of a job may take together at most. */
  workMs: number;
  /** Items of a job: one of these ranges. */
  counts: readonly (readonly [least: number, most: number])[];
}

/** Most bugs need little: a job or two, and one fault at the right moment. So most scenarios are short, and many. */
const BRIEF: Extent = {
  spanMs: 500,
  longestRestartMs: 400,
  jobs: [1, 1, 1, 2],
  workers: 2,
  blows: 3,
  leasesMs: [400, 800],
  workMs: 600,
  counts: [
    [0, 1],
    [1, 1],
    [2, 4],
    [2, 8],
    [2, 16],
  ],
};

const LONG: Extent = {
  spanMs: 4_000,
  longestRestartMs: 2_000,
  jobs: [1, 2, 3, 4, 5],
  workers: 3,
  blows: 5,
  leasesMs: [800, 1_500, 3_000],
  workMs: 4_000,
  counts: [
    [0, 1],
    [1, 1],
    [1, 1],
    [2, 30],
    [2, 30],
    [2, 30],
    [2, 30],
    [2, 30],
    [2, 30],
    [30, 400],
  ],
};

const PURPOSE_SHARE = 0.6;
/** Of those that have no purpose. */
const LONG_SHARE = 0.1;
const LOSS_SHARE = 0.1;
/** Room for a few batches of windowed jobs. */
const TIGHT = 32 * 1024;
/** So many tasks of a job may be out where there is little room: more would never fit in one batch. */
const TIGHT_WINDOW = 5;

export function scenarioOf(seed: number): Scenario {
  const dice = new Dice(seed);
  if (dice.chance(PURPOSE_SHARE)) return calmed(madeForPurpose(dice.fork("purpose"), drawn(dice, BRIEF)));
  return calmed(drawn(dice, dice.chance(LONG_SHARE) ? LONG : BRIEF));
}

function drawn(dice: Dice, extent: Extent): Scenario {
  const fleet = fleetOf(dice.fork("fleet"), extent);
  const isCalm = dice.chance(0.1);
  const jobs = jobsOf(dice.fork("jobs"), extent);
  const weather = isCalm ? [] : weatherOf(dice.fork("weather"), extent);
  const blows = isCalm
    ? []
    : [...blowsOf(dice.fork("blows"), extent, fleet), ...lossesOf(dice.fork("losses"), jobs)];
  return { seed: dice.seed, ...fleet, jobs, weather, blows, calmAt: 0 };
}

/** With what follows from all the rest. */
function calmed(scenario: Scenario): Scenario {
  const { taskBytes, jobs, weather, blows } = scenario;
  return {
    ...scenario,
    jobs: taskBytes === TIGHT ? jobs.map(windowed) : jobs,
    calmAt: calmAfter(weather, blows),
  };
}

/** When the last fault is over, those that wait for a message left aside. */
function calmAfter(weather: readonly Weather[], blows: readonly Blow[]): number {
  const ends = blows.map((blow) => blow.at + lengthOf(blow));
  return Math.max(0, ...ends, ...weather.map(({ until }) => until));
}

function lengthOf(blow: Blow): number {
  if (blow.type === "restart") return blow.downMs;
  return blow.type === "loss" ? blow.ms : 0;
}

function windowed(job: SimJob): SimJob {
  return { ...job, window: job.window ?? TIGHT_WINDOW };
}

type FleetPart = Omit<Scenario, "seed" | "jobs" | "weather" | "blows" | "calmAt">;

function fleetOf(dice: Dice, { workers, leasesMs }: Extent): FleetPart {
  const areClocksWrong = dice.chance(0.5);
  return {
    fleet: { dispatcher: dice.int(1, 2), worker: dice.int(1, workers), aggregator: dice.int(1, 2) },
    slots: dice.int(1, 3),
    partitions: dice.int(1, 2),
    leaseMs: dice.pick(leasesMs),
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

function jobsOf(dice: Dice, extent: Extent): SimJob[] {
  const length = dice.pick(extent.jobs);
  return Array.from({ length }, (_, index) => jobOf(dice.fork(`job ${index}`), index, extent));
}

function jobOf(dice: Dice, index: number, { spanMs, workMs, counts }: Extent): SimJob {
  const via = dice.pick<Via>(["store", "store", "raw", "records", "records", "submit", "run", "watch"]);
  const itemMs = dice.pick([0, 0, 2, 20, 60, 300]);
  // Whatever its window, a job must end in time.
  const count = Math.min(dice.int(...dice.pick(counts)), Math.floor(workMs / Math.max(1, itemMs)));
  const isLarge = dice.chance(0.5);
  // Where neither items nor a range tell whose job it is, its key must.
  const invalid = dice.chance(0.03);
  const hasKey = via === "records" || via === "raw" || invalid || count === 0 || dice.chance(0.4);
  const isTroubled = dice.chance(0.4);
  return {
    index,
    at: dice.int(0, spanMs),
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
    againAfter: hasKey && dice.chance(0.5) ? dice.int(0, spanMs) : undefined,
    deadlineMs: dice.chance(0.1) ? dice.int(50, spanMs) : undefined,
    delayMs: dice.chance(0.1) ? dice.int(10, spanMs / 2) : undefined,
    cancelAfter: dice.chance(0.15) ? dice.int(0, spanMs / 2) : undefined,
    flaky: isTroubled ? 0.2 : 0,
    broken: isTroubled && dice.chance(0.5) ? 0.1 : 0,
    itemMs,
    pad: dice.chance(0.3) ? dice.pick([300, 2_500]) : 0,
    poison: dice.chance(0.1) && count > 0 ? dice.int(0, count - 1) : undefined,
    invalid: invalid && via !== "records",
  };
}

function weatherOf(dice: Dice, { spanMs }: Extent): Weather[] {
  return Array.from({ length: dice.int(0, 3) }, () => {
    const from = dice.int(0, spanMs);
    const slow = dice.pick([0, 0.05, 0.3]);
    return {
      from,
      until: from + dice.int(spanMs / 10, spanMs),
      loss: dice.pick([0, 0.02, 0.1, 0.5]),
      twice: dice.pick([0, 0, 0.05, 0.3]),
      slow,
      slowMs: dice.pick([5, 50, spanMs / 8, spanMs]),
      what: dice.chance(0.4) ? "all" : dice.pick(PASSAGES),
    };
  });
}

function blowsOf(dice: Dice, extent: Extent, fleet: FleetPart): Blow[] {
  const isStorm = dice.chance(0.15);
  const length = isStorm ? dice.int(extent.blows + 1, 3 * extent.blows + 1) : dice.int(0, extent.blows);
  return Array.from({ length }, () => blowOf(dice, extent, fleet));
}

/** The broker loses what it stored, most likely of a job that is under way. */
function lossesOf(dice: Dice, jobs: readonly SimJob[]): Blow[] {
  if (!dice.chance(LOSS_SHARE)) return [];
  return Array.from({ length: dice.int(1, 2) }, () => ({
    type: "loss",
    at: dice.pick(jobs).at + dice.pick([0, 2, 20, 100]),
    ms: dice.pick([0, 50, 300]),
    stream: dice.pick(["MUSTER_TASKS", "MUSTER_RESULTS"]),
    share: dice.pick([0.3, 1]),
  }));
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

function blowOf(dice: Dice, { spanMs, longestRestartMs }: Extent, { fleet, leaseMs }: FleetPart): Blow {
  const at = dice.int(0, spanMs);
  if (dice.chance(0.1)) return { type: "restart", at, downMs: dice.int(0, longestRestartMs) };
  const role = dice.pick<Role>(["dispatcher", "worker", "aggregator"]);
  const target = { at, role, index: dice.int(0, fleet[role] - 1), trigger: triggerOf(dice) };
  switch (dice.pick(["kill", "kill", "kill", "pause", "pause", "drain", "cut", "jump"] as const)) {
    case "kill":
      return { type: "kill", ...target, downMs: dice.int(0, spanMs / 2) };
    case "pause":
      return { type: "pause", ...target, ms: dice.pick([leaseMs / 2, leaseMs * 1.5, leaseMs * 3]) };
    case "drain":
      return {
        type: "drain",
        ...target,
        downMs: dice.int(0, spanMs / 4),
        abortMs: dice.chance(0.3) ? dice.int(0, 500) : undefined,
      };
    case "cut":
      return { type: "cut", ...target, ms: dice.int(10, spanMs / 2) };
    case "jump":
      return { type: "jump", ...target, ms: dice.int(-10_000, 10_000) };
  }
}
