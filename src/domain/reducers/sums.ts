/** `sum`, `mean` and `count`. */
import { ReducerMismatch } from "../../errors.ts";
import {
  addTo,
  type ExactSum,
  fromJson,
  isSummand,
  meanOf,
  mergeInto,
  type Summand,
  toJson,
  totalOf,
  zero,
} from "./exact-sum.ts";
import { describe, isCount, mustHold, readState } from "./outputs.ts";
import type { Reducer } from "./reducer.ts";

function summandOf(reducer: string, output: unknown): Summand {
  if (!isSummand(output)) throw new ReducerMismatch(reducer, "finite numbers", describe(output));
  return output;
}

/** The exact total: independent of order and of the cut into chunks. */
export const sum: Reducer<ExactSum> = {
  name: "sum",
  ordered: false,
  init: zero,
  step(state, output) {
    addTo(state, summandOf("sum", output));
    return state;
  },
  combine(a, b) {
    mergeInto(a, b);
    return a;
  },
  finish: totalOf,
  encode: (state) => JSON.stringify(toJson(state)),
  decode: (text) => readState("sum", text, fromJson),
};

export interface MeanState {
  readonly sum: ExactSum;
  count: number;
}

/** The exact total divided by the count, rounded once; null without outputs. */
export const mean: Reducer<MeanState> = {
  name: "mean",
  ordered: false,
  init: () => ({ sum: zero(), count: 0 }),
  step(state, output) {
    addTo(state.sum, summandOf("mean", output));
    state.count++;
    return state;
  },
  combine(a, b) {
    mergeInto(a.sum, b.sum);
    a.count += b.count;
    return a;
  },
  finish: (state) => (state.count === 0 ? null : meanOf(state.sum, state.count)),
  encode: (state) => JSON.stringify([state.count, toJson(state.sum)]),
  decode: (text) => readState("mean", text, readMean),
};

function readMean(value: unknown): MeanState {
  mustHold(Array.isArray(value) && value.length === 2, "a mean is [count, sum]");
  const [count, total] = value;
  mustHold(isCount(count), "a count is a whole number");
  return { sum: fromJson(total), count };
}

/** How many outputs there are, whatever they are. */
export const count: Reducer<number> = {
  name: "count",
  ordered: false,
  init: () => 0,
  step: (state) => state + 1,
  combine: (a, b) => a + b,
  finish: (state) => state,
  encode: String,
  decode: (text) => readState("count", text, readCount),
};

function readCount(value: unknown): number {
  mustHold(isCount(value), "a count is a whole number");
  return value;
}
