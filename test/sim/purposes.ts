/** Scenarios that are made for a purpose: a job and a fault that fit each other, which chance brings together too seldom. */
import type { Dice } from "./dice.ts";
import type { Blow, Harm, Reduce, Role, Scenario, SimJob, Trigger, Weather } from "./scenario.ts";

/** Changes what was drawn so that it serves the purpose. */
type Purpose = (dice: Dice, drawn: Scenario) => Scenario;

/** The jobs are sent when the blows, which are at 0, wait for their messages: without latency a job may run in no time. */
const SENT_MS = 5;
/** No weather lasts longer, in milliseconds. */
const LONGEST_WEATHER_MS = 1_500;

export function madeForPurpose(dice: Dice, drawn: Scenario): Scenario {
  return dice.pick(PURPOSES)(dice, drawn);
}

const PURPOSES: readonly Purpose[] = [
  slowItems,
  lostWrites,
  lostWrites,
  lostLetters,
  lateCheckpoints,
  jobChangesHands,
  jobChangesHands,
  partitionChangesHands,
  partitionChangesHands,
  workersLeave,
  workersLeave,
  neighbours,
];

/** An item takes longer than its task's lease, and nothing else happens. */
function slowItems(dice: Dice, drawn: Scenario): Scenario {
  const job = {
    count: dice.int(1, 2),
    itemMs: 2 * drawn.leaseMs,
    flaky: 0,
    broken: 0,
    againAfter: undefined,
  };
  return { ...drawn, jobs: [jobLike(drawn, job)], weather: [], blows: [] };
}

/** Half of what is written to one place is lost, or half of the answers. */
function lostWrites(dice: Dice, drawn: Scenario): Scenario {
  const job = { count: dice.int(2, 12), itemMs: dice.pick([0, 2, 20]) };
  const word = dice.pick(["results", "results", "outcomes", "outcomes", "cursors", "tasks"]);
  return { ...drawn, jobs: [jobLike(drawn, job)], weather: [lossOf(dice, word)], blows: [] };
}

function lostLetters(dice: Dice, drawn: Scenario): Scenario {
  const job = { count: dice.int(2, 6), itemMs: 0, broken: 0.4, onError: "continue" } as const;
  return { ...drawn, jobs: [jobLike(drawn, job)], weather: [lossOf(dice, "dead")] };
}

/** Checkpoints arrive when their job is over, or nearly. */
function lateCheckpoints(dice: Dice, drawn: Scenario): Scenario {
  const weather = { from: 800, until: 2_500, loss: 0, twice: 0, slow: 0.6, slowMs: 2_500 };
  return {
    ...drawn,
    timeoutMs: 300,
    fleet: { ...drawn.fleet, worker: 1 },
    slots: 1,
    jobs: [enduring(dice, drawn)],
    weather: [{ ...weather, what: "publish", word: "checkpoints" }],
    blows: [],
  };
}

/** The dispatcher of a job is gone, or asleep, when a part of its tasks is out. */
function jobChangesHands(dice: Dice, drawn: Scenario): Scenario {
  const job = {
    count: dice.int(8, 20),
    chunk: dice.pick([1, 1, 2, 3]),
    window: dice.pick([undefined, undefined, 1, 2, 3]),
    itemMs: dice.pick([20, 60, 120]),
  };
  const fleet = { ...drawn.fleet, dispatcher: 2, worker: 1 };
  const word = dice.pick(job.window === undefined ? ["tasks", "tasks", "progress"] : ["cursors"]);
  const trigger = triggerOf(dice, { word, most: 5 });
  const harm = dice.pick<Harm>([
    { type: "kill", downMs: dice.int(0, 200) },
    { type: "pause", ms: dice.int(700, 1_500) },
    { type: "drain", downMs: dice.int(0, 200), abortMs: undefined },
  ]);
  return {
    ...drawn,
    fleet,
    slots: 1,
    jobs: [jobLike(drawn, job), ...drawn.jobs.slice(1)],
    blows: onEach(fleet, "dispatcher", harm, trigger),
  };
}

/** The aggregator of a job is gone, or asleep, after it wrote checkpoints; and a second job has moved the position. */
function partitionChangesHands(dice: Dice, drawn: Scenario): Scenario {
  const trigger = triggerOf(dice, { word: "checkpoints", most: 4 });
  const harm = dice.pick<Harm>([
    { type: "kill", downMs: dice.int(0, 300) },
    { type: "kill", downMs: dice.int(0, 300) },
    { type: "pause", ms: 3 * drawn.leaseMs },
  ]);
  const job = enduring(dice, drawn);
  const brief = { ...jobLike(drawn, { count: 2, itemMs: 0 }), index: 1, key: "key-1" };
  return {
    ...drawn,
    fleet: { ...drawn.fleet, worker: 1 },
    slots: 1,
    partitions: 1,
    jobs: [dice.chance(0.7) ? job : { ...job, reduce: "collect" }, brief],
    weather: [],
    blows: onEach(drawn.fleet, "aggregator", harm, trigger),
  };
}

/** Workers go, or stand still for longer than their leases, while they hold tasks. */
function workersLeave(dice: Dice, drawn: Scenario): Scenario {
  const job = { count: dice.int(4, 16), chunk: 1, itemMs: dice.pick([20, 60]) };
  const blow = (): Blow => {
    const harm = dice.pick<Harm>([
      { type: "kill", downMs: dice.int(0, 200) },
      { type: "pause", ms: drawn.leaseMs * dice.pick([1.5, 3]) },
      { type: "drain", downMs: dice.int(0, 200), abortMs: undefined },
      { type: "drain", downMs: dice.int(0, 200), abortMs: dice.int(0, 50) },
    ]);
    const trigger = triggerOf(dice, { word: dice.pick(["tasks", "results"]), most: 8 });
    return { ...harm, at: 0, role: "worker", index: dice.int(0, drawn.fleet.worker - 1), trigger };
  };
  return {
    ...drawn,
    slots: 1,
    jobs: [jobLike(drawn, job)],
    blows: Array.from({ length: dice.int(1, 2) }, blow),
  };
}

/** Jobs that are under way together: what is done to one must not touch the others. */
function neighbours(dice: Dice, drawn: Scenario): Scenario {
  const job = (index: number): SimJob => ({
    ...jobLike(drawn, {
      count: dice.int(2, 10),
      itemMs: dice.pick([0, 20, 60]),
      window: dice.pick([undefined, 1, 2]),
    }),
    index,
    key: `key-${index}`,
  });
  return { ...drawn, jobs: Array.from({ length: dice.int(2, 3) }, (_, index) => job(index)) };
}

/** A job that runs to its end: the first that was drawn, otherwise. */
function jobLike({ jobs }: Scenario, changes: Partial<SimJob>): SimJob {
  const [drawn] = jobs;
  if (drawn === undefined) throw new Error("no job was drawn");
  const whole = {
    invalid: false,
    poison: undefined,
    cancelAfter: undefined,
    deadlineMs: undefined,
    delayMs: undefined,
  };
  return { ...drawn, ...whole, at: SENT_MS, ...changes };
}

/** A job that is old enough for checkpoints when a part of it is done. */
function enduring(dice: Dice, drawn: Scenario): SimJob {
  return jobLike(drawn, {
    reduce: dice.pick<Reduce>(["sum", "count", "merge-counts"]),
    count: dice.int(12, 22),
    chunk: 1,
    window: dice.pick([undefined, 2, 3]),
    itemMs: 300,
    pad: 0,
    flaky: 0,
    broken: 0,
  });
}

/** Which process of a role it is that has the job is not known: whoever gets to the message. */
function onEach(fleet: Scenario["fleet"], role: Role, harm: Harm, trigger: Trigger): Blow[] {
  return Array.from({ length: fleet[role] }, (_, index) => ({ ...harm, at: 0, role, index, trigger }));
}

function lossOf(dice: Dice, word: string): Weather {
  const until = dice.int(300, LONGEST_WEATHER_MS);
  const what = dice.pick(["publish", "publish", "ack"] as const);
  return { from: 0, until, loss: dice.pick([0.3, 0.6]), twice: 0, slow: 0, slowMs: 0, what, word };
}

function triggerOf(dice: Dice, { word, most }: { word: string; most: number }): Trigger {
  return { passage: dice.pick([undefined, "publish", "ack"]), word, nth: dice.int(1, most) };
}
