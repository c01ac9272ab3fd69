/** Shared by the reducers: what an output is, in words, and how a state's text is read back. */
import { InvalidBody, ReducerMismatch } from "../../errors.ts";
import { parseState } from "../../protocol/json.ts";

/** Characters of a string that a message shows. */
const SHOWN = 30;

/** Names a value for an error message: `the string "abc"`, `NaN`, `an array`. */
export function describe(value: unknown): string {
  if (typeof value === "string") return `the string ${JSON.stringify(shorten(value))}`;
  if (typeof value === "bigint") return `the bigint ${shorten(String(value))}`;
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  if (typeof value !== "object" || value === null) return String(value);
  return Array.isArray(value) ? "an array" : "an object";
}

function shorten(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`;
}

/** A number of JSON: finite. */
export function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** A number of items: whole, not negative. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** An object with members, as opposed to an array or null. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Finite numbers; minus zero becomes zero, because JSON and comparisons do not tell them apart. */
export function numberOf(reducer: string, output: unknown): number {
  if (!isNumber(output)) throw new ReducerMismatch(reducer, "finite numbers", describe(output));
  return output === 0 ? 0 : output;
}

/** Why a state's text was refused; turned into an InvalidBody by {@link readState}. */
export class BadState extends Error {}

/** Parses a state's text and hands the value to `read`, which throws {@link BadState} where the shape is wrong. */
export function readState<S>(reducer: string, text: string, read: (value: unknown) => S): S {
  try {
    return read(parseState(text));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidBody(`Not a state of reducer "${reducer}": ${reason}`, { cause });
  }
}

/** Asserts a property of a state that came over the wire. */
export function mustHold(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new BadState(otherwise);
}
