/** The handler module's own `reduce`. It is a user's code: what it throws or forgets to return becomes an error with a name. */
import { HandlerFailed, MusterError, messageOf } from "../../errors.ts";
import { encodeState } from "../../protocol/json.ts";
import { isRecord, mustHold, readState } from "./outputs.ts";
import type { CombineFunction, CustomReducer, CustomSteps, Reducer } from "./reducer.ts";

/** The name under which jobs ask for it. */
export const CUSTOM = "reduce";

/** Makes a reducer of a handler module's `reduce`. */
export function customReducer(custom: CustomReducer): Reducer {
  return typeof custom === "function" ? fromFunction(custom) : fromSteps(custom);
}

/** Nothing yet, or one value: wrapped, so that null and 0 are values too. */
type Wrapped = readonly [] | readonly [unknown];

function fromFunction(combine: CombineFunction): Reducer<Wrapped> {
  const join = (a: Wrapped, b: Wrapped): Wrapped => {
    if (a.length === 0 || b.length === 0) return a.length === 0 ? b : a;
    return [run("reduce", () => combine(a[0], b[0]))];
  };
  return {
    name: CUSTOM,
    ordered: false,
    init: () => [],
    step: (state, output) => join(state, [output]),
    combine: join,
    finish: ([value = null]) => value,
    encode: encodeState,
    decode: (text) => readState(CUSTOM, text, readWrapped),
  };
}

function readWrapped(value: unknown): Wrapped {
  mustHold(Array.isArray(value) && value.length <= 1, "it is [] or [value]");
  return value.length === 0 ? [] : [value[0]];
}

function fromSteps(steps: CustomSteps): Reducer {
  return {
    name: CUSTOM,
    ordered: false,
    init: () => run("reduce.init", () => steps.init()),
    step: (acc, output) => run("reduce.step", () => steps.step(acc, output)),
    combine: (a, b) => run("reduce.combine", () => steps.combine(a, b)),
    finish: (acc) => (steps.finish === undefined ? acc : run("reduce.finish", () => steps.finish?.(acc))),
    encode: encodeState,
    decode: (text) => readState(CUSTOM, text, (value) => value),
  };
}

function run(what: string, call: () => unknown): unknown {
  const result = attempt(what, call);
  if (result === undefined) throw new HandlerFailed(`The handler module's ${what} returned nothing.`);
  if (isRecord(result) && typeof result.then === "function") {
    throw new HandlerFailed(`The handler module's ${what} returned a promise: it must be synchronous.`);
  }
  return result;
}

function attempt(what: string, call: () => unknown): unknown {
  try {
    return call();
  } catch (cause) {
    if (cause instanceof MusterError) throw cause;
    throw new HandlerFailed(`The handler module's ${what} threw: ${messageOf(cause)}`, { cause });
  }
}
