/** What must come out of a job, computed without any of muster's code. */
import { itemOf, type Reduce, type SimItem, type SimJob } from "./scenario.ts";

export interface Expected {
  state: "succeeded" | "failed";
  /** Of a job that succeeds: the result, as JSON text. */
  result: string | undefined;
  /** Numbers of the items that fail for good. */
  failing: readonly number[];
}

/** What the handler returns for an item that succeeds. */
export function outputOf(job: SimJob, { w }: SimItem): unknown {
  const filled = job.pad === 0 ? `${w}` : `${w}`.padEnd(job.pad, "x");
  switch (job.reduce) {
    case "sum":
      return w;
    case "count":
      return null;
    case "collect":
      return job.pad === 0 ? w : filled;
    case "merge-counts":
      return { [filled]: 1 };
  }
}

export function failsForGood(job: SimJob, { p, x, f }: SimItem): boolean {
  return p || x || f >= job.maxAttempts;
}

/** `buried`: items that fail besides, because too many workers died with them. */
export function expectedOf(seed: number, job: SimJob, buried: ReadonlySet<number>): Expected {
  if (job.invalid) return { state: "failed", result: undefined, failing: [] };
  const items = Array.from({ length: job.count }, (_, index) => itemOf(seed, job, index));
  const isFailing = (index: number) => buried.has(index) || failsForGood(job, items[index] as SimItem);
  const failing = [...items.keys()].filter(isFailing);
  if (failing.length > 0 && job.onError === "fail") return { state: "failed", result: undefined, failing };
  return { state: "succeeded", result: resultOf(job, items, isFailing), failing };
}

function resultOf(job: SimJob, items: readonly SimItem[], isFailing: (index: number) => boolean): string {
  const good = items.filter((_, index) => !isFailing(index));
  const fold: Record<Reduce, () => unknown> = {
    sum: () => good.reduce((sum, { w }) => sum + w, 0),
    count: () => good.length,
    collect: () => items.map((item, index) => (isFailing(index) ? null : outputOf(job, item))),
    "merge-counts": () => Object.assign({}, ...good.map((item) => outputOf(job, item))),
  };
  return JSON.stringify(fold[job.reduce]());
}

/** Whether two JSON texts say the same, whatever the order of members. */
export function isSameJson(a: string, b: string): boolean {
  if (a === b) return true;
  try {
    return sorted(JSON.parse(a)) === sorted(JSON.parse(b));
  } catch {
    return false;
  }
}

function sorted(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return JSON.stringify(value);
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
