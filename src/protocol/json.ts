/**
 * JSON as muster takes and gives it: nothing that would change a prototype, nothing that a number cannot hold, nothing
 * nested without end; and every fault an error that says where it is.
 */
import { isUtf8 } from "node:buffer";
import secureJson from "secure-json-parse";
import { ForbiddenKey, InvalidJson, InvalidOutput, MusterError, messageOf, UnsafeNumber } from "../errors.ts";
import { describeFault } from "./json-fault.ts";
import { findUnsafeNumber, isDeeperThan, type NumberRule } from "./json-scan.ts";

export { findMember, splitArray } from "./json-scan.ts";

/** How deep an output may nest: well under the some 4,500 levels at which JSON.stringify overflows Node's stack. */
export const MAX_OUTPUT_DEPTH = 1000;
/** How deep a text may nest: an output, and what messages and results wrap around it. */
export const MAX_DEPTH = MAX_OUTPUT_DEPTH + 24;

/**
 * Parses JSON that others wrote.
 *
 * @param text JSON text, or its UTF-8 bytes; a byte order mark in front is ignored.
 * @param path where the text comes from, for the error: `Muster-Reduce`, `items[3]`.
 * @throws InvalidJson with the place of the fault; also for bytes that are not UTF-8 and for nesting beyond {@link MAX_DEPTH}.
 * @throws UnsafeNumber for `1e999` and for integer literals beyond ±(2^53 − 1).
 * @throws ForbiddenKey for a `__proto__` key, and for `constructor` with a `prototype` in it.
 */
export function parseJson(text: string | Uint8Array, path?: string): unknown {
  return parse(text, "exact", path);
}

/**
 * Parses JSON that muster wrote itself and that went over the wire, such as a reducer's state.
 *
 * Like {@link parseJson}, but an integer literal of any size is taken as the nearest double, because
 * `JSON.stringify` writes the double 1e20 as one.
 */
export function parseState(text: string | Uint8Array, path?: string): unknown {
  return parse(text, "finite", path);
}

function parse(input: string | Uint8Array, rule: NumberRule, path: string | undefined): unknown {
  const text = typeof input === "string" ? input : decodeUtf8(input, path);
  if (isDeeperThan(text, MAX_DEPTH))
    throw new InvalidJson(`it nests deeper than ${MAX_DEPTH} levels`, { path });
  const value = parseSafely(text, path);
  const literal = findUnsafeNumber(text, rule);
  if (literal !== undefined) throw new UnsafeNumber(shorten(literal), { path });
  return value;
}

function decodeUtf8(bytes: Uint8Array, path: string | undefined): string {
  if (!isUtf8(bytes)) throw new InvalidJson("its bytes are not UTF-8", { path });
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

function parseSafely(text: string, path: string | undefined): unknown {
  try {
    return secureJson.parse(text, { protoAction: "error", constructorAction: "error" });
  } catch (cause) {
    throw isForbiddenKey(cause)
      ? new ForbiddenKey(forbiddenKeyOf(text), { path })
      : invalidJson(text, { cause, path });
  }
}

function isForbiddenKey(cause: unknown): boolean {
  return messageOf(cause) === "Object contains forbidden prototype property";
}

function forbiddenKeyOf(text: string): string {
  try {
    secureJson.parse(text, { protoAction: "error", constructorAction: "ignore" });
    return "constructor";
  } catch {
    return "__proto__";
  }
}

function invalidJson(text: string, details: { cause: unknown; path: string | undefined }): InvalidJson {
  return new InvalidJson(describeFault(text) ?? shorten(messageOf(details.cause)), details);
}

/** Characters of a literal that an error shows. */
const SHOWN = 60;

function shorten(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`;
}

// ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Writes a handler's output as JSON.
 *
 * Like `JSON.stringify`, except that a bigint becomes an integer literal, `undefined` becomes `null`, and NaN and the
 * infinities are errors wherever they stand rather than a silent `null`. As with `JSON.stringify`, members that are
 * `undefined`, functions or symbols are left out, and become `null` inside arrays.
 *
 * @throws InvalidOutput when the value is circular, nests deeper than {@link MAX_OUTPUT_DEPTH}, is a function or a
 * symbol, or holds a number that is not finite.
 */
export function encodeJson(value: unknown): string {
  return encode(value, "literal");
}

/**
 * Writes a value that {@link parseState} is to give back: like {@link encodeJson}, but a bigint is an error too, because
 * it would come back as a number, rounded.
 */
export function encodeState(value: unknown): string {
  return encode(value, "refused");
}

type BigintRule = "literal" | "refused";

function encode(value: unknown, bigints: BigintRule): string {
  const type = typeof value;
  if (type === "function" || type === "symbol") throw new InvalidOutput(`it is a ${type}.`);
  const text = stringify(value, bigints) ?? "null";
  if (isDeeperThan(text, MAX_OUTPUT_DEPTH)) throw tooDeep();
  // NaN becomes "null": only a text that holds one can hide it.
  if (text.includes("null")) rethrow(() => assertFinite(value));
  return text;
}

function stringify(value: unknown, bigints: BigintRule): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    const isBigint = cause instanceof TypeError && cause.message.includes("BigInt");
    if (isBigint && bigints === "literal") return rethrow(() => writeExact(value, 0, ""));
    throw isBigint ? new InvalidOutput("it holds a bigint: write it as a string.") : invalidOutput(cause);
  }
}

function rethrow<T>(write: () => T): T {
  try {
    return write();
  } catch (cause) {
    throw invalidOutput(cause);
  }
}

function invalidOutput(cause: unknown): MusterError {
  if (cause instanceof MusterError) return cause;
  if (cause instanceof RangeError) return tooDeep(cause);
  const circular = /property '(.*)' closes the circle|index (\d+) closes the circle/.exec(messageOf(cause));
  if (circular === null) return new InvalidOutput(messageOf(cause), { cause });
  return new InvalidOutput(`it refers to itself (circular, at "${circular[1] ?? circular[2]}").`, { cause });
}

function tooDeep(cause?: RangeError): InvalidOutput {
  const tooLong = cause?.message.includes("string length") === true;
  const reason = tooLong
    ? "it is too long for a string."
    : `it nests deeper than ${MAX_OUTPUT_DEPTH} levels.`;
  return new InvalidOutput(reason, { cause });
}

/** JSON.stringify for values that hold a bigint. */
function writeExact(value: unknown, depth: number, key: string): string | undefined {
  if (depth > MAX_OUTPUT_DEPTH)
    throw new InvalidOutput(`it is circular, or nests deeper than ${MAX_OUTPUT_DEPTH} levels.`);
  const plain = applyToJson(value, key);
  if (typeof plain === "bigint") return plain.toString();
  if (typeof plain !== "object" || plain === null) return JSON.stringify(plain);
  return Array.isArray(plain) ? writeArray(plain, depth) : writeObject(plain, depth);
}

function writeArray(values: readonly unknown[], depth: number): string {
  // Array.from, not map: the holes of a sparse array are null too.
  return `[${Array.from(values, (value, at) => writeExact(value, depth + 1, String(at)) ?? "null").join(",")}]`;
}

function writeObject(value: object, depth: number): string {
  if (isBoxed(value)) return JSON.stringify(value);
  const members: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    const text = writeExact(member, depth + 1, key);
    if (text !== undefined) members.push(`${JSON.stringify(key)}:${text}`);
  }
  return `{${members.join(",")}}`;
}

function isBoxed(value: object): boolean {
  return value instanceof Number || value instanceof String || value instanceof Boolean;
}

function applyToJson(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !("toJSON" in value)) return value;
  return typeof value.toJSON === "function" ? value.toJSON(key) : value;
}

function assertFinite(value: unknown, key = ""): void {
  const plain = applyToJson(value, key);
  if (typeof plain === "number" && !Number.isFinite(plain)) throw notFinite(plain, key);
  if (typeof plain !== "object" || plain === null) return;
  for (const name of Object.keys(plain)) assertFinite(Reflect.get(plain, name), name);
}

function notFinite(value: number, key: string): InvalidOutput {
  const where = key === "" ? "it is" : `"${key}" is`;
  return new InvalidOutput(`${where} ${value}; JSON has finite numbers only.`);
}
