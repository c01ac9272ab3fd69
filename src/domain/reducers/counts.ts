/** Totals by key, and `merge-counts`. Keys are any strings, `__proto__` among them: so a Map, never an object. */
import { ReducerMismatch } from "../../errors.ts";
import {
  addTo,
  type ExactSum,
  fromJson,
  isSummand,
  mergeInto,
  type Summand,
  toJson,
  totalOf,
  zero,
} from "./exact-sum.ts";
import { describe, isRecord, mustHold, readState } from "./outputs.ts";
import type { Reducer } from "./reducer.ts";

/** By key, the total: a plain number as long as it is a safe integer, which it nearly always is. */
export type Counts = Map<string, number | ExactSum>;

/** Adds to one key's total. */
export function addCount(counts: Counts, key: string, value: Summand): void {
  const known = counts.get(key) ?? 0;
  if (typeof known === "object") addTo(known, value);
  else counts.set(key, plainTotal(known, value) ?? exactly(known, value));
}

function plainTotal(known: number, value: Summand): number | undefined {
  if (typeof value === "bigint" || !Number.isSafeInteger(value)) return undefined;
  const total = known + value;
  return Number.isSafeInteger(total) ? total : undefined;
}

function exactly(known: number, value: Summand): ExactSum {
  const sum = zero();
  addTo(sum, known);
  addTo(sum, value);
  return sum;
}

/** Adds all totals of `other` to `counts`, keeping parts of `other`. */
export function mergeCounts(counts: Counts, other: Counts): void {
  for (const [key, value] of other) {
    const known = counts.get(key);
    if (known === undefined) counts.set(key, value);
    else if (typeof value === "number") addCount(counts, key, value);
    else counts.set(key, both(known, value));
  }
}

function both(known: number | ExactSum, value: ExactSum): ExactSum {
  if (typeof known === "number") addTo(value, known);
  else mergeInto(value, known);
  return value;
}

/** Adds the members of an output; `undefined` members are left out, as JSON leaves them out. */
export function addRecord(counts: Counts, record: Readonly<Record<string, unknown>>, reducer: string): void {
  const entries = Object.entries(record);
  // All are looked at before any is added, so that a mismatch leaves the state as it was.
  const pairs = entries.filter((entry): entry is [string, Summand] => isSummand(entry[1]));
  if (pairs.length < entries.length) refuseOthers(entries, reducer);
  for (const [key, value] of pairs) addCount(counts, key, value);
}

function refuseOthers(entries: readonly [string, unknown][], reducer: string): void {
  for (const [key, value] of entries) {
    if (isSummand(value) || value === undefined) continue;
    throw new ReducerMismatch(
      reducer,
      "objects of numbers",
      `an object whose ${JSON.stringify(key)} is ${describe(value)}`,
    );
  }
}

/** Key and total, in no certain order. */
export function totalsOf(counts: Counts): [string, Summand][] {
  return Array.from(counts, ([key, value]) => [key, typeof value === "number" ? value : totalOf(value)]);
}

/** Orders strings by code unit, the same on every machine. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

// ── as JSON: [[key, sum], …] ───────────────────────────────────────────────────────────────────────────────────

export function countsToJson(counts: Counts): unknown {
  return Array.from(counts, ([key, value]) => [key, typeof value === "number" ? value : toJson(value)]);
}

/** Reads what {@link countsToJson} wrote; throws BadState at anything else. */
export function countsFromJson(value: unknown): Counts {
  mustHold(Array.isArray(value), "counts are an array of pairs");
  const counts: Counts = new Map();
  for (const pair of value) readPair(counts, pair);
  return counts;
}

function readPair(counts: Counts, pair: unknown): void {
  mustHold(Array.isArray(pair) && pair.length === 2, "a count is a pair");
  const [key, value] = pair;
  mustHold(typeof key === "string" && !counts.has(key), "keys are strings, each once");
  counts.set(key, Number.isSafeInteger(value) ? value : fromJson(value));
}

// ── merge-counts ───────────────────────────────────────────────────────────────────────────────────────────────

/** Objects of numbers, added key by key. */
export const mergeCountsReducer: Reducer<Counts> = {
  name: "merge-counts",
  ordered: false,
  init: () => new Map(),
  step(state, output) {
    if (!isRecord(output)) throw new ReducerMismatch("merge-counts", "objects of numbers", describe(output));
    addRecord(state, output, "merge-counts");
    return state;
  },
  combine(a, b) {
    const [larger, smaller] = a.size >= b.size ? [a, b] : [b, a];
    mergeCounts(larger, smaller);
    return larger;
  },
  finish: asObject,
  encode: (state) => JSON.stringify(countsToJson(state)),
  decode: (text) => readState("merge-counts", text, countsFromJson),
};

/** An object without a prototype: there `__proto__` is a key like any other. Keys are sorted, so the text is the same too. */
function asObject(counts: Counts): Record<string, Summand> {
  const result: Record<string, Summand> = Object.create(null);
  for (const [key, total] of totalsOf(counts).sort(([a], [b]) => byCodeUnit(a, b))) result[key] = total;
  return result;
}
