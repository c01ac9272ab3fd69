/** Makes the reducer that a spec names. */
import { InvalidOption } from "../../errors.ts";
import { mergeCountsReducer } from "./counts.ts";
import { CUSTOM, customReducer } from "./custom.ts";
import { max, min } from "./extremes.ts";
import { groupBy } from "./group-by.ts";
import { histogram } from "./histogram.ts";
import { collect, concat } from "./ordered.ts";
import { checkParams, docOf } from "./params.ts";
import { readReduce } from "./read-reduce.ts";
import type { CustomReducer, ParamValue, Reducer, ReduceSpec } from "./reducer.ts";
import { count, mean, sum } from "./sums.ts";
import { topK } from "./top-k.ts";

type Params = Readonly<Record<string, ParamValue>>;

const BUILT_IN = new Map<string, (params: Params) => Reducer>([
  ["collect", () => collect],
  ["concat", () => concat],
  ["sum", () => sum],
  ["count", () => count],
  ["min", () => min],
  ["max", () => max],
  ["mean", () => mean],
  ["merge-counts", () => mergeCountsReducer],
  ["top-k", ({ k }) => topK(Number(k))],
  [
    "histogram",
    ({ from, to, bins }) => histogram({ from: Number(from), to: Number(to), bins: Number(bins) }),
  ],
  ["group-by", grouping],
]);

/** What cannot reduce a group: its result would depend on the order of the outputs, or on the handler module. */
const NOT_INNER = ["collect", "concat", "group-by", CUSTOM];

function grouping({ by, with: inner, of, keys }: Params): Reducer {
  const [name, given] = readReduce(inner);
  if (NOT_INNER.includes(name)) throw new InvalidOption("reduce.with", `"${name}" cannot reduce a group.`);
  return groupBy({
    by: String(by),
    of: of === "" ? undefined : String(of),
    keys: Number(keys),
    inner: reducerFor({ name, params: checkParams(docOf(name), given) }),
  });
}

/**
 * The reducer for a spec, which is checked again: it may have come over the wire.
 *
 * @param custom the handler module's own `reduce`, which the spec `{"name":"reduce"}` asks for.
 * @throws UnknownReducer, or InvalidOption for unfit parameters and for a handler module without a `reduce`.
 */
export function reducerFor(spec: ReduceSpec, custom?: CustomReducer): Reducer {
  const made = MADE.get(spec);
  if (made !== undefined) return made;
  const params = checkParams(docOf(spec.name), spec.params);
  const make = BUILT_IN.get(spec.name);
  if (make !== undefined) return remembered(spec, make(params));
  if (custom === undefined) throw new InvalidOption(CUSTOM, 'the handler module has no "reduce".');
  return customReducer(custom);
}

/** By the spec's identity: all tasks of a job have the same one. */
const MADE = new WeakMap<ReduceSpec, Reducer>();

function remembered(spec: ReduceSpec, reducer: Reducer): Reducer {
  MADE.set(spec, reducer);
  return reducer;
}

/** Throws what {@link reducerFor} would throw about the parameters, which need not the handler module. */
export function checkSpec(spec: ReduceSpec): void {
  if (spec.name !== CUSTOM) reducerFor(spec);
}
