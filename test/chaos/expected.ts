/** What must come out of a job, computed without any of muster's code. */
import { isFailing, type JobPlan, outputOf, weightOf } from "./job-plan.ts";

const LABEL_SPAN = 100_000;

/** How a result differs from what was expected. */
export type Difference = { type: "lost" | "twice" | "wrong"; detail: string };

/** Numbers of the items that fail for good, by their nature or because they were buried. */
export function failingOf(plan: JobPlan, buried: ReadonlySet<number>): Set<number> {
  const { kind, count, maxAttempts } = plan;
  const failing = new Set(buried);
  if (kind !== "flaky") return failing;
  for (let index = 0; index < count; index++) {
    const attempts = Array.from({ length: maxAttempts }, (_, at) => at + 1);
    if (attempts.every((attempt) => isFailing(itemOf(plan, index), attempt))) failing.add(index);
  }
  return failing;
}

/** Compares a job's result with what its items make; undefined where it is right. */
export function compare(plan: JobPlan, text: string, failing: ReadonlySet<number>): Difference | undefined {
  try {
    return compareRead(plan, text, failing);
  } catch (error) {
    return { type: "wrong", detail: `${String(error)}: ${text.slice(0, 200)}` };
  }
}

function compareRead(plan: JobPlan, text: string, failing: ReadonlySet<number>): Difference | undefined {
  const good = Array.from({ length: plan.count }, (_, index) => index).filter((index) => !failing.has(index));
  const items = good.map((index) => itemOf(plan, index));
  switch (plan.reduce) {
    case "collect":
      return compareList(plan, text, failing);
    case "sum":
      return compareNumber(
        text,
        items.reduce((sum, item) => sum + BigInt(weightOf(item)[1]), 0n),
      );
    case "count":
      return compareNumber(text, BigInt(items.length));
    case "top-k:10": {
      const weights = items.map((item) => weightOf(item)[1]).sort((a, b) => b - a);
      return compareJson(text, weights.slice(0, 10));
    }
    case "reduce":
      return compareJson(text, xorOf(items));
    case "merge-counts":
      return compareCounts(text, items);
  }
}

function itemOf({ label }: JobPlan, index: number): number {
  return label * LABEL_SPAN + index;
}

/** Element by element, in order; an item that failed for good leaves null. */
function compareList(plan: JobPlan, text: string, failing: ReadonlySet<number>): Difference | undefined {
  const list = JSON.parse(text) as unknown[];
  if (list.length !== plan.count)
    return {
      type: list.length < plan.count ? "lost" : "twice",
      detail: `${list.length} elements instead of ${plan.count}`,
    };
  for (const [index, element] of list.entries()) {
    const expected = failing.has(index) ? null : outputOf(plan.kind, itemOf(plan, index));
    if (JSON.stringify(element) !== JSON.stringify(expected))
      return {
        type: element === null ? "lost" : "wrong",
        detail: `element ${index} is ${JSON.stringify(element)}, not ${JSON.stringify(expected)}`,
      };
  }
  return undefined;
}

/** As bigints: a double would hide a difference in the last digits. */
function compareNumber(text: string, expected: bigint): Difference | undefined {
  const value = BigInt(text);
  if (value === expected) return undefined;
  return { type: value < expected ? "lost" : "twice", detail: `${text} instead of ${expected}` };
}

/** Both halves of all weights: an item that is lost or counted twice changes about half of their bits. */
function xorOf(items: readonly number[]): [number, number] {
  let high = 0;
  let low = 0;
  for (const item of items) {
    const [itemHigh, itemLow] = weightOf(item);
    high ^= itemHigh;
    low ^= itemLow;
  }
  return [high >>> 0, low >>> 0];
}

function compareCounts(text: string, items: readonly number[]): Difference | undefined {
  const expected: Record<string, number> = {};
  for (const item of items) {
    const key = `key-${weightOf(item)[1] % 16}`;
    expected[key] = (expected[key] ?? 0) + 1;
  }
  const sorted = (counts: object) => Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
  const value = JSON.parse(text) as Record<string, number>;
  return compareJson(JSON.stringify(sorted(value)), sorted(expected));
}

function compareJson(text: string, expected: unknown): Difference | undefined {
  const value = JSON.stringify(JSON.parse(text));
  const wanted = JSON.stringify(expected);
  if (value === wanted) return undefined;
  return { type: "wrong", detail: `${value.slice(0, 200)} instead of ${wanted.slice(0, 200)}` };
}
