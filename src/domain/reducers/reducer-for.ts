/** Makes the reducer that a spec names. */
import { InvalidOption } from "../../errors.ts";
import { mergeCountsReducer } from "./counts.ts";
import { CUSTOM, customReducer } from "./custom.ts";
import { max, min } from "./extremes.ts";
import { histogram } from "./histogram.ts";
import { collect, concat } from "./ordered.ts";
import { checkParams, docOf } from "./params.ts";
import type { CustomReducer, Reducer, ReduceSpec } from "./reducer.ts";
import { count, mean, sum } from "./sums.ts";
import { topK } from "./top-k.ts";

type Params = Readonly<Record<string, number>>;

const BUILT_IN = new Map<string, (params: Params) => Reducer>([
  ["collect", () => collect],
  ["concat", () => concat],
  ["sum", () => sum],
  ["count", () => count],
  ["min", () => min],
  ["max", () => max],
  ["mean", () => mean],
  ["merge-counts", () => mergeCountsReducer],
  ["top-k", ({ k = 0 }) => topK(k)],
  ["histogram", ({ from = 0, to = 0, bins = 0 }) => histogram({ from, to, bins })],
]);

/**
 * The reducer for a spec, which is checked again: it may have come over the wire.
 *
 * @param custom the handler module's own `reduce`, which the spec `{"name":"reduce"}` asks for.
 * @throws UnknownReducer, or InvalidOption for unfit parameters and for a handler module without a `reduce`.
 */
export function reducerFor(spec: ReduceSpec, custom?: CustomReducer): Reducer {
  const params = checkParams(docOf(spec.name), spec.params);
  const make = BUILT_IN.get(spec.name);
  if (make !== undefined) return make(params);
  if (custom === undefined) throw new InvalidOption(CUSTOM, 'the handler module has no "reduce".');
  return customReducer(custom);
}

/** Throws what {@link reducerFor} would throw about the parameters, which need not the handler module. */
export function checkSpec(spec: ReduceSpec): void {
  if (spec.name !== CUSTOM) reducerFor(spec);
}
