/** `min` and `max`, of numbers or of strings. */
import { ReducerMismatch } from "../../errors.ts";
import { describe, isNumber, mustHold, numberOf, readState } from "./outputs.ts";
import type { Reducer } from "./reducer.ts";

type Comparable = number | string;
/** The extreme so far, or undefined before the first output. */
export type ExtremeState = Comparable | undefined;

function comparableOf(reducer: string, output: unknown): Comparable {
  if (typeof output === "string") return output;
  if (!isNumber(output)) throw new ReducerMismatch(reducer, "finite numbers or strings", describe(output));
  return numberOf(reducer, output);
}

function extreme(
  name: "min" | "max",
  isBetter: (a: Comparable, b: Comparable) => boolean,
): Reducer<ExtremeState> {
  const choose = (a: ExtremeState, b: ExtremeState): ExtremeState => {
    if (a === undefined || b === undefined) return a ?? b;
    if (typeof a !== typeof b) throw mixed(name, a, b);
    return isBetter(b, a) ? b : a;
  };
  return {
    name,
    ordered: false,
    init: () => undefined,
    step: (state, output) => choose(state, comparableOf(name, output)),
    combine: choose,
    finish: (state) => state ?? null,
    encode: (state) => JSON.stringify(state === undefined ? [] : [state]),
    decode: (text) => readState(name, text, readExtreme),
  };
}

function mixed(name: string, a: Comparable, b: Comparable): ReducerMismatch {
  return new ReducerMismatch(name, "numbers or strings, not both", `${describe(b)} beside ${describe(a)}`);
}

function readExtreme(value: unknown): ExtremeState {
  mustHold(Array.isArray(value) && value.length <= 1, "an extreme is [] or [value]");
  const found: unknown = value[0];
  mustHold(
    found === undefined || typeof found === "string" || isNumber(found),
    "an extreme is a number or a string",
  );
  return found;
}

/** The least output; strings are compared by code unit. */
export const min = extreme("min", (a, b) => a < b);
/** The greatest output; strings are compared by code unit. */
export const max = extreme("max", (a, b) => a > b);
