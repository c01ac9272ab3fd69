/** Reads the option `reduce`. */
import { checkParams, docOf } from "./params.ts";
import { readReduce } from "./read-reduce.ts";
import type { ReduceSpec } from "./reducer.ts";
import { checkSpec } from "./reducer-for.ts";

/**
 * The spec that the option `reduce` stands for; `collect` when it is not given. These are the same:
 *
 * - `"top-k:10"`: the name, then values in the order of the documentation; an empty or missing one takes its default
 * - `{"name":"top-k","k":10}`: the name among its parameters
 * - `{"top-k":{"k":10}}`: the parameters under the name
 * - `{"name":"top-k","params":{"k":10}}`: a spec itself
 * - `{"group-by":"country","with":"sum"}`: a first parameter that is a text under the name, the others beside it
 * - any of the objects as text, for headers: `Muster-Reduce: {"top-k":{"k":10}}`
 *
 * @throws UnknownReducer with "did you mean", InvalidOption for anything else that is wrong.
 */
export function parseReduce(value: unknown): ReduceSpec {
  const [name, given] = readReduce(value);
  const spec = { name, params: checkParams(docOf(name), given) };
  checkSpec(spec);
  return spec;
}
