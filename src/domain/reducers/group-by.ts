/** `group-by`: the outputs of each key, reduced by themselves. Keys are any strings, `__proto__` among them: so a Map. */
import { ReducerMismatch, TooManyGroups } from "../../errors.ts";
import { byCodeUnit } from "./counts.ts";
import { describe, isNumber, isRecord, mustHold, readState } from "./outputs.ts";
import type { Reducer } from "./reducer.ts";

export interface GroupByParams {
  /** The member of an output that says its group. */
  readonly by: string;
  /** The member that is reduced; the whole output where undefined. */
  readonly of: string | undefined;
  /** How many groups there may be. */
  readonly keys: number;
  /** Reduces each group. */
  readonly inner: Reducer;
}

/** The states of the groups, by key. */
type Groups = Map<string, unknown>;

export function groupBy({ by, of, keys, inner }: GroupByParams): Reducer<Groups> {
  return {
    name: "group-by",
    ordered: false,
    init: () => new Map(),
    step(groups, output) {
      const { key, value } = memberOf(output, by, of);
      groups.set(key, inner.step(groups.get(key) ?? inner.init(), value));
      return groups;
    },
    combine(a, b) {
      const [larger, smaller] = a.size >= b.size ? [a, b] : [b, a];
      for (const [key, state] of smaller) larger.set(key, joined(inner, larger.get(key), state));
      return larger;
    },
    check(groups) {
      if (groups.size > keys) throw new TooManyGroups(by, keys);
    },
    finish: (groups) => finished(groups, inner),
    encode: (groups) =>
      JSON.stringify(Array.from(groups, ([key, state]) => [key, inner.encode(state)] as const)),
    decode: (text) => readState("group-by", text, (value) => fromJson(value, inner)),
  };
}

function memberOf(output: unknown, by: string, of: string | undefined): { key: string; value: unknown } {
  if (!isRecord(output)) throw mismatch(by, describe(output));
  const group = Object.hasOwn(output, by) ? output[by] : undefined;
  if (typeof group !== "string" && typeof group !== "boolean" && !isNumber(group)) {
    throw mismatch(by, `one whose ${JSON.stringify(by)} is ${describe(group)}`);
  }
  const value = of === undefined ? output : Object.hasOwn(output, of) ? output[of] : undefined;
  return { key: String(group === 0 ? 0 : group), value };
}

function mismatch(by: string, got: string): ReducerMismatch {
  const wanted = `objects whose ${JSON.stringify(by)} is a string, a number or a boolean`;
  return new ReducerMismatch("group-by", wanted, got);
}

function joined(inner: Reducer, known: unknown, state: unknown): unknown {
  return known === undefined ? state : inner.combine(known, state);
}

/** Without a prototype, there `__proto__` is a key like any other; sorted, so that the text is the same too. */
function finished(groups: Groups, inner: Reducer): Record<string, unknown> {
  const result: Record<string, unknown> = Object.create(null);
  for (const [key, state] of [...groups].sort(([a], [b]) => byCodeUnit(a, b)))
    result[key] = inner.finish(state);
  return result;
}

/** Pairs of a key and its state's text. */
function fromJson(value: unknown, inner: Reducer): Groups {
  mustHold(Array.isArray(value), "groups are an array of pairs");
  const groups: Groups = new Map();
  for (const pair of value) {
    mustHold(Array.isArray(pair) && pair.length === 2, "a group is a pair");
    const [key, text] = pair;
    mustHold(
      typeof key === "string" && typeof text === "string" && !groups.has(key),
      "keys are strings, each once",
    );
    groups.set(key, inner.decode(text));
  }
  return groups;
}
