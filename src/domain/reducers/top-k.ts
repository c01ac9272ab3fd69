/** `top-k`: the greatest numbers, or the keys with the greatest counts. */
import { ReducerMismatch } from "../../errors.ts";
import {
  addCount,
  addRecord,
  byCodeUnit,
  type Counts,
  countsFromJson,
  countsToJson,
  mergeCounts,
  totalsOf,
} from "./counts.ts";
import { isSummand, type Summand } from "./exact-sum.ts";
import { describe, isNumber, isRecord, mustHold, numberOf, readState } from "./outputs.ts";
import type { Reducer } from "./reducer.ts";

/** Undefined before the first output, which decides. Counts are kept whole: a rare key of one chunk may be frequent in all. */
export type TopState = undefined | Numbers | Counts;

interface Numbers {
  /** At most twice k; the k greatest are among them. */
  kept: number[];
  /** Nothing below it can be among the k greatest. */
  floor: number;
}

const TAKES = "finite numbers, objects of numbers or [key, number] pairs, of one sort";

/** @param k how many to keep, from 1. */
export function topK(k: number): Reducer<TopState> {
  return {
    name: "top-k",
    ordered: false,
    init: () => undefined,
    step: (state, output) => (isNumber(output) ? addNumber(state, output, k) : addCounts(state, output)),
    combine: (a, b) => combine(a, b, k),
    finish: (state) => (state instanceof Map ? topCounts(state, k) : topNumbers(state, k)),
    encode: (state) => JSON.stringify(toJson(state, k)),
    decode: (text) => readState("top-k", text, (value) => fromJson(value, k)),
  };
}

function addNumber(state: TopState, output: number, k: number): TopState {
  if (state instanceof Map) throw mixed("a number beside counts");
  const numbers = state ?? { kept: [], floor: Number.NEGATIVE_INFINITY };
  if (output < numbers.floor) return numbers;
  numbers.kept.push(numberOf("top-k", output));
  if (numbers.kept.length > 2 * k) prune(numbers, k);
  return numbers;
}

function prune(numbers: Numbers, k: number): void {
  numbers.kept = greatest(numbers.kept, k);
  numbers.floor = numbers.kept.at(k - 1) ?? Number.NEGATIVE_INFINITY;
}

function greatest(numbers: readonly number[], k: number): number[] {
  return Array.from(Float64Array.from(numbers).sort().reverse().subarray(0, k));
}

function addCounts(state: TopState, output: unknown): TopState {
  const pair = pairOf(output);
  if (pair === undefined && !isRecord(output)) throw mixed(describe(output));
  if (state !== undefined && !(state instanceof Map)) throw mixed(`${describe(output)} beside numbers`);
  const counts: Counts = state ?? new Map();
  if (pair !== undefined) addCount(counts, pair[0], pair[1]);
  else if (isRecord(output)) addRecord(counts, output, "top-k");
  return counts;
}

function pairOf(output: unknown): [string, Summand] | undefined {
  if (!Array.isArray(output) || output.length !== 2) return undefined;
  const [key, value]: unknown[] = output;
  return typeof key === "string" && isSummand(value) ? [key, value] : undefined;
}

function mixed(got: string): ReducerMismatch {
  return new ReducerMismatch("top-k", TAKES, got);
}

function combine(a: TopState, b: TopState, k: number): TopState {
  if (a === undefined || b === undefined) return a ?? b;
  if (a instanceof Map) return b instanceof Map ? combineCounts(a, b) : refuse();
  return b instanceof Map ? refuse() : combineNumbers(a, b, k);
}

function refuse(): never {
  throw mixed("a number beside counts");
}

function combineCounts(a: Counts, b: Counts): Counts {
  const [larger, smaller] = a.size >= b.size ? [a, b] : [b, a];
  mergeCounts(larger, smaller);
  return larger;
}

function combineNumbers(a: Numbers, b: Numbers, k: number): Numbers {
  const all: Numbers = { kept: [...a.kept, ...b.kept], floor: Math.max(a.floor, b.floor) };
  if (all.kept.length > 2 * k) prune(all, k);
  return all;
}

function topNumbers(state: Numbers | undefined, k: number): number[] {
  return greatest(state?.kept ?? [], k);
}

function topCounts(counts: Counts, k: number): [string, Summand][] {
  return totalsOf(counts).sort(byCountThenKey).slice(0, k);
}

/** The greatest count first; equal counts by key. A total may be a bigint and another a number: `===` would not do. */
function byCountThenKey(a: readonly [string, Summand], b: readonly [string, Summand]): number {
  if (a[1] > b[1]) return -1;
  return a[1] < b[1] ? 1 : byCodeUnit(a[0], b[0]);
}

// ── as JSON: null, {"numbers": […]} or {"counts": [[key, sum], …]} ──────────────────────────────────────────────

function toJson(state: TopState, k: number): unknown {
  if (state === undefined) return null;
  return state instanceof Map ? { counts: countsToJson(state) } : { numbers: greatest(state.kept, k) };
}

function fromJson(value: unknown, k: number): TopState {
  if (value === null) return undefined;
  mustHold(isRecord(value), "it is null, numbers or counts");
  if (value.counts !== undefined) return countsFromJson(value.counts);
  const kept = value.numbers;
  mustHold(Array.isArray(kept) && kept.length <= k && kept.every(isNumber), `it holds at most ${k} numbers`);
  const numbers: Numbers = { kept, floor: Number.NEGATIVE_INFINITY };
  prune(numbers, k);
  return numbers;
}
