/** The handler module of chaos runs: it waits as long as its items say, and writes down what it runs. */
import { setTimeout as delay } from "node:timers/promises";
import type { BatchContext, BatchHandler } from "../../src/index.ts";
import { appendLine } from "./history.ts";
import { isFailing, type Kind, labelOf, outputOf, paceOf } from "./job-plan.ts";

const HISTORY = process.env.CHAOS_HISTORY ?? "/dev/null";

function handlerOf(kind: Kind, more: object = {}): BatchHandler<number> {
  const handle = async (items: number[], ctx: BatchContext) => {
    const [first = 0] = items;
    const ranges = rangesOf(ctx.indexes);
    const { job, worker } = ctx;
    const attempt = Math.max(...ctx.attempts);
    appendLine(HISTORY, worker, { what: "begin", job, label: labelOf(first), items: ranges, attempt });
    const ms = items.length * paceOf(first);
    if (ms > 0) await delay(ms, undefined, { signal: ctx.signal });
    const outputs = items.map((item, at) => attemptAt(kind, item, ctx.attempts[at] ?? 1));
    appendLine(HISTORY, worker, { what: "end", job, items: ranges });
    return outputs;
  };
  return Object.assign(handle, { batch: true as const, ...more });
}

function attemptAt(kind: Kind, item: number, attempt: number): unknown {
  if (kind === "flaky" && isFailing(item, attempt))
    return new Error(`item ${item} fails at attempt ${attempt}`);
  return outputOf(kind, item);
}

/** `0-9,12-12` of 0 to 9 and 12. */
function rangesOf(indexes: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const index of indexes) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === index - 1) last[1] = index;
    else ranges.push([index, index]);
  }
  return ranges.map(([from, to]) => `${from}-${to}`).join(",");
}

type Halves = [high: number, low: number];

const xor = ([a, b]: Halves, [c, d]: Halves): Halves => [(a ^ c) >>> 0, (b ^ d) >>> 0];

export const weigh = handlerOf("weigh", { inline: true });
export const pair = handlerOf("pair", {
  inline: true,
  reduce: { init: (): Halves => [0, 0], step: xor, combine: xor },
});
/** In threads, as handlers that compute are. */
export const tally = handlerOf("tally");
export const flaky = handlerOf("flaky", { inline: true });
