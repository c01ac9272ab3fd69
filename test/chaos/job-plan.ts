/**
 * The jobs of a chaos run. A job's label tells everything about its items: item `i` is the number `label * 100,000 + i`,
 * and its weight, which is random, follows from that number alone. So handlers, callers and the checker agree on what
 * a job is without telling each other.
 */
import { type Dice, mix } from "../sim/dice.ts";

export const KINDS = ["weigh", "pair", "tally", "flaky"] as const;
export type Kind = (typeof KINDS)[number];

export type Reduce = "sum" | "count" | "top-k:10" | "collect" | "reduce" | "merge-counts";

export interface JobPlan {
  label: number;
  kind: Kind;
  count: number;
  reduce: Reduce;
  onError: "fail" | "continue";
  maxAttempts: number;
  /** Items a task; without it, as many as suit. */
  chunk?: number;
  priority: "high" | "normal" | "low";
  /** Milliseconds after which it expires. */
  deadlineMs?: number;
  /** It is cancelled once so many items are gathered. */
  cancelAt?: number;
}

const LABEL_SPAN = 100_000;
const SIZES = [1, 5, 300, 5_000, 50_000, 1_000] as const;
/** Milliseconds that an item of each size of job takes. */
const PACE = [20, 20, 5, 1, 0.1, 0] as const;
/** The size of job whose items have a task each: many messages in a short time. */
const FINE = 5;
/**
 * How many jobs of each size come with a large one: `brief` is for runs that are to end soon, `fine` for those that are to meddle
 * with as many messages as they can.
 */
const SIZE_ODDS = {
  brief: [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3],
  full: [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 4],
  fine: [0, 1, 2, 3, FINE, FINE, FINE, FINE, FINE, FINE, FINE, FINE],
} as const;

/** Which jobs a run draws. */
export type Sizes = keyof typeof SIZE_ODDS;

const REDUCES: Record<Kind, readonly Reduce[]> = {
  weigh: ["sum", "count", "top-k:10", "collect"],
  pair: ["reduce", "reduce", "collect"],
  tally: ["merge-counts"],
  flaky: ["collect", "sum"],
};

/** Draws the job of a number. */
export function drawJob(dice: Dice, { number, sizes }: { number: number; sizes: Sizes }): JobPlan {
  const size = dice.pick(SIZE_ODDS[sizes]);
  const kind = dice.pick(KINDS);
  const count = SIZES[size];
  const plan: JobPlan = {
    label: number * SIZES.length + size,
    kind,
    count,
    reduce: dice.pick(REDUCES[kind]),
    onError: kind === "flaky" ? "continue" : "fail",
    maxAttempts: 3,
    ...(size === FINE ? { chunk: 1 } : {}),
    priority: dice.pick(["high", "normal", "normal", "low"]),
  };
  // What is done only for jobs that end early is where the rarest crash points are.
  if (dice.chance(0.12)) return { ...plan, deadlineMs: dice.int(200, 4_000) };
  if (dice.chance(0.1)) return { ...plan, cancelAt: Math.floor(count * dice.next()) };
  return plan;
}

/** A job's body: a range, so that jobs of any size are as cheap to submit. */
export function bodyOf({ label, count }: JobPlan): string {
  const from = label * LABEL_SPAN;
  if (count <= 5) return JSON.stringify(Array.from({ length: count }, (_, index) => from + index));
  return JSON.stringify({ range: { from, to: from + count } });
}

export function labelOf(item: number): number {
  return Math.floor(item / LABEL_SPAN);
}

/** Milliseconds that an item takes. */
export function paceOf(item: number): number {
  return PACE[labelOf(item) % SIZES.length] ?? 1;
}

/** The 64 random bits of an item, in two halves. */
export function weightOf(item: number): readonly [high: number, low: number] {
  const low = mix((item % 2 ** 32) ^ 0x5bd1e995);
  return [mix(low ^ mix(Math.floor(item / 3))), low];
}

/** Whether an attempt at an item of kind `flaky` fails: some fail once, a few always. */
export function isFailing(item: number, attempt: number): boolean {
  const [, low] = weightOf(item);
  return low % 61 === 0 || (low % 11 === 0 && attempt === 1);
}

/** What the handler of a kind makes of an item. */
export function outputOf(kind: Kind, item: number): unknown {
  const [high, low] = weightOf(item);
  if (kind === "pair") return [high, low];
  if (kind === "tally") return { [`key-${low % 16}`]: 1 };
  return low;
}
