/**
 * Sums without rounding: the total of any numbers in any order is the same, because nothing is lost on the way and the
 * result is rounded once, at the end.
 *
 * Whole numbers are added as doubles while that is exact and as a bigint beyond. Of the others, which are all below
 * 2^53, the total is kept as a few doubles that do not overlap (J. R. Shewchuk, "Adaptive Precision Floating-Point
 * Arithmetic", 1997), so nothing can overflow.
 */

import { nearestDouble } from "./nearest-double.ts";
import { isNumber, mustHold } from "./outputs.ts";

/** An exact total: `whole + big + parts[0] + parts[1] + …`. */
export interface ExactSum {
  /** A safe integer. */
  whole: number;
  big: bigint;
  readonly parts: number[];
  /** Whether a number came that is not a safe integer (nor a bigint): then the result is a double too. */
  real: boolean;
}

export function zero(): ExactSum {
  return { whole: 0, big: 0n, parts: [], real: false };
}

/** What a sum takes. */
export type Summand = number | bigint;

export function isSummand(value: unknown): value is Summand {
  return typeof value === "bigint" || isNumber(value);
}

export function addTo(sum: ExactSum, value: Summand): void {
  if (typeof value === "bigint") sum.big += value;
  else if (Number.isSafeInteger(value)) addWhole(sum, value);
  else addReal(sum, value);
}

function addWhole(sum: ExactSum, value: number): void {
  const total = sum.whole + value;
  // Both are safe integers, so a total within these bounds is exact, and a whole number.
  if (total <= Number.MAX_SAFE_INTEGER && total >= Number.MIN_SAFE_INTEGER) sum.whole = total;
  else carry(sum, value);
}

function carry(sum: ExactSum, value: number): void {
  sum.big += BigInt(sum.whole);
  sum.whole = value;
}

function addReal(sum: ExactSum, value: number): void {
  sum.real = true;
  if (Number.isInteger(value)) sum.big += BigInt(value);
  else addPart(sum.parts, value);
}

/** Adds to the parts, smallest first, passing on what each addition rounds off. */
function addPart(parts: number[], value: number): void {
  let high = value;
  let kept = 0;
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at] ?? 0;
    const sum = high + part;
    const rest = Math.abs(high) < Math.abs(part) ? high - (sum - part) : part - (sum - high);
    if (rest !== 0) parts[kept++] = rest;
    high = sum;
  }
  if (high !== 0) parts[kept++] = high;
  if (kept < parts.length) parts.length = kept;
}

/** Adds `other` to `sum`; `other` stays as it is. */
export function mergeInto(sum: ExactSum, other: ExactSum): void {
  addWhole(sum, other.whole);
  sum.big += other.big;
  for (const part of other.parts) addPart(sum.parts, part);
  sum.real ||= other.real;
}

/**
 * The total: of safe integers and bigints exactly (a bigint beyond ±(2^53 − 1)), else the nearest double; where no
 * double reaches, the nearest whole number.
 */
export function totalOf(sum: ExactSum): Summand {
  const whole = sum.big + BigInt(sum.whole);
  if (!sum.real) return isSafe(whole) ? Number(whole) : whole;
  const { over, under } = ratioOf(sum);
  const nearest = nearestDouble(over, under);
  return Number.isFinite(nearest) ? nearest : over / under;
}

/** The total divided by `count`, as the nearest double; where no double reaches, as a whole number. */
export function meanOf(sum: ExactSum, count: number): Summand {
  const { over, under } = ratioOf(sum);
  const below = under * BigInt(count);
  const nearest = nearestDouble(over, below);
  return Number.isFinite(nearest) ? nearest : over / below;
}

function isSafe(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
}

interface Ratio {
  readonly over: bigint;
  readonly under: bigint;
}

/** The total as a fraction whose denominator is a power of two: every double is one. */
function ratioOf(sum: ExactSum): Ratio {
  let over = sum.big + BigInt(sum.whole);
  let bits = 0n;
  for (const part of sum.parts) {
    const { digits, scale } = fractionOf(part);
    if (scale > bits) {
      over <<= scale - bits;
      bits = scale;
    }
    over += digits << (bits - scale);
  }
  return { over, under: 1n << bits };
}

/** `value = digits / 2^scale`. Doubling is exact, and ends: the smallest double is 2^-1074. */
function fractionOf(value: number): { digits: bigint; scale: bigint } {
  let scaled = value;
  let scale = 0;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    scale++;
  }
  return { digits: BigInt(scaled), scale: BigInt(scale) };
}

// ── as JSON: 5, "12345678901234567890", or [whole, parts] once a real number came ───────────────────────────────

export function toJson(sum: ExactSum): unknown {
  const whole = sum.big + BigInt(sum.whole);
  const written = isSafe(whole) ? Number(whole) : whole.toString();
  return sum.real ? [written, sum.parts] : written;
}

/** Reads what {@link toJson} wrote; throws BadState at anything else. */
export function fromJson(value: unknown): ExactSum {
  const sum = zero();
  const [whole, parts] = Array.isArray(value) ? value : [value, undefined];
  addTo(sum, wholeOf(whole));
  if (parts !== undefined) addParts(sum, parts);
  else mustHold(!Array.isArray(value), "a sum of reals has parts");
  return sum;
}

function wholeOf(value: unknown): Summand {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  mustHold(typeof value === "string" && /^-?\d+$/.test(value), "a sum starts with a whole number");
  return BigInt(value);
}

function addParts(sum: ExactSum, parts: unknown): void {
  mustHold(Array.isArray(parts) && parts.every(isNumber), "a sum's parts are numbers");
  sum.real = true;
  // A part may be a whole number of any size, 2^60 as well as a hostile 1e308: addReal puts each where it belongs.
  for (const part of parts) addReal(sum, part);
}
