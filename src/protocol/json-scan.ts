/**
 * Linear scanners over JSON text that is known, or about to be shown, to be valid. They never build values, so that
 * an item's text reaches a worker exactly as its author wrote it.
 */
import { InvalidBody } from "../errors.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The index of the quote that ends the string opened at `open`, or the text's length when nothing ends it. */
export function endOfString(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  while (close !== -1 && isEscaped(text, close)) close = text.indexOf('"', close + 1);
  return close === -1 ? text.length : close;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === BACKSLASH) first--;
  return (at - first) % 2 === 1;
}

/** The index of the first character at or after `from` that is not JSON white space (a byte order mark counts as such). */
export function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09 || code === 0xfeff;
}

// ── depth ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Whether arrays and objects nest deeper than `limit` anywhere in the text. */
export function isDeeperThan(text: string, limit: number): boolean {
  // Most texts have fewer brackets than the limit, or no room for them: native searches settle those.
  if (text.length <= limit || countsAtMost(text, limit)) return false;
  return deepest(text, limit) > limit;
}

function countsAtMost(text: string, limit: number): boolean {
  return occurrences(text, "[", limit) + occurrences(text, "{", limit) <= limit;
}

function occurrences(text: string, bracket: string, limit: number): number {
  let count = 0;
  for (let at = text.indexOf(bracket); at !== -1 && count <= limit; at = text.indexOf(bracket, at + 1))
    count++;
  return count;
}

function deepest(text: string, limit: number): number {
  let depth = 0;
  for (let at = 0; at < text.length && depth <= limit; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === OPEN_ARRAY || code === OPEN_OBJECT) depth++;
    else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) depth--;
  }
  return depth;
}

// ── numbers ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Which numbers a text may hold: only those that are exact, or any that a double can come near. */
export type NumberRule = "exact" | "finite";

const LARGE_EXPONENT = /[eE]\+?\d{3}/;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** `1e999`: the shortest literal that may be unsafe. */
const SHORTEST_UNSAFE = 5;
/** 2^53 has 16 digits. */
const SUSPECT_DIGITS = 16;

/** The first number in a valid JSON text that breaks the rule, or undefined. Digits inside strings are not numbers. */
export function findUnsafeNumber(text: string, rule: NumberRule): string | undefined {
  if (!LARGE_EXPONENT.test(text) && !hasLongInteger(text)) return undefined;
  for (let at = 0; at < text.length; ) {
    const quote = text.indexOf('"', at);
    const end = quote === -1 ? text.length : quote;
    const found = end - at < SHORTEST_UNSAFE ? undefined : unsafeIn(text.slice(at, end), rule);
    if (found !== undefined) return found;
    at = quote === -1 ? end : endOfString(text, quote) + 1;
  }
  return undefined;
}

function unsafeIn(segment: string, rule: NumberRule): string | undefined {
  for (const [literal] of segment.matchAll(NUMBER)) if (isUnsafe(literal, rule)) return literal;
  return undefined;
}

function isUnsafe(literal: string, rule: NumberRule): boolean {
  if (literal.length < SHORTEST_UNSAFE) return false;
  const value = Number(literal);
  if (!Number.isFinite(value)) return true;
  return rule === "exact" && !Number.isSafeInteger(value) && !/[.eE]/.test(literal);
}

/**
 * Whether 16 digits in a row stand anywhere but behind a decimal point. Looking at every 16th character only is several
 * times faster than a regular expression: no such run fits between two looks.
 */
function hasLongInteger(text: string): boolean {
  for (let at = SUSPECT_DIGITS - 1; at < text.length; at += SUSPECT_DIGITS) {
    if (!isDigit(text.charCodeAt(at))) continue;
    let first = at;
    let last = at;
    while (isDigit(text.charCodeAt(first - 1))) first--;
    while (isDigit(text.charCodeAt(last + 1))) last++;
    if (last - first >= SUSPECT_DIGITS - 1 && text.charCodeAt(first - 1) !== DOT) return true;
    at = last;
  }
  return false;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

// ── parts ──────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The raw texts of a JSON array's elements, unchanged but for white space around them.
 *
 * The text must have passed `parseJson`. The returned strings share the memory of `text`.
 *
 * @throws InvalidBody when the text is not an array.
 * @example splitArray('[1, "a,b", [2,3]]') // ['1', '"a,b"', '[2,3]']
 */
export function splitArray(text: string): string[] {
  const open = skipSpace(text, 0);
  const close = text.lastIndexOf("]");
  if (text.charCodeAt(open) !== OPEN_ARRAY || close <= open)
    throw new InvalidBody("A JSON array was expected.");
  if (skipSpace(text, open + 1) === close) return [];
  return isFlat(text, open) ? splitFlat(text.slice(open + 1, close)) : splitNested(text, open + 1, close);
}

/** An array of numbers and literals only: every comma separates two elements. */
function isFlat(text: string, open: number): boolean {
  return text.indexOf('"') === -1 && text.indexOf("[", open + 1) === -1 && text.indexOf("{") === -1;
}

function splitFlat(inner: string): string[] {
  const parts = inner.split(",");
  return /\s/.test(inner) ? parts.map((part) => part.trim()) : parts;
}

function splitNested(text: string, from: number, close: number): string[] {
  const parts: string[] = [];
  let start = from;
  for (let at = from; at < close; at++) {
    const code = text.charCodeAt(at);
    if (code === COMMA) {
      parts.push(text.slice(start, at).trim());
      start = at + 1;
    } else if (code === QUOTE || code === OPEN_ARRAY || code === OPEN_OBJECT) {
      at = endOfValue(text, at) - 1;
    }
  }
  parts.push(text.slice(start, close).trim());
  return parts;
}

/**
 * The raw text of a member of a JSON object, or undefined when it has none; of doubles the last, as `JSON.parse` does.
 *
 * The text must have passed `parseJson`. Only members of the outermost object are looked at.
 *
 * @example findMember('{"items":[1, 2],"chunk":5}', "items") // '[1, 2]'
 */
export function findMember(text: string, key: string): string | undefined {
  const open = skipSpace(text, 0);
  if (text.charCodeAt(open) !== OPEN_OBJECT) return undefined;
  let found: string | undefined;
  let at = skipSpace(text, open + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const keyEnd = endOfString(text, at);
    const start = skipSpace(text, skipSpace(text, keyEnd + 1) + 1);
    const end = endOfValue(text, start);
    if (isKey(text.slice(at + 1, keyEnd), key)) found = text.slice(start, end);
    at = skipSpace(text, skipSpace(text, end) + 1);
  }
  return found;
}

function isKey(raw: string, key: string): boolean {
  return raw.includes("\\") ? JSON.parse(`"${raw}"`) === key : raw === key;
}

/** The index just behind the value that starts at `start`. */
function endOfValue(text: string, start: number): number {
  const code = text.charCodeAt(start);
  if (code === QUOTE) return endOfString(text, start) + 1;
  return code === OPEN_ARRAY || code === OPEN_OBJECT ? endOfNested(text, start) : endOfScalar(text, start);
}

function endOfNested(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === OPEN_ARRAY || code === OPEN_OBJECT) depth++;
    else if ((code === CLOSE_ARRAY || code === CLOSE_OBJECT) && --depth === 0) return at + 1;
  }
  return text.length;
}

function endOfScalar(text: string, start: number): number {
  let at = start;
  while (at < text.length && !endsScalar(text.charCodeAt(at))) at++;
  return at;
}

function endsScalar(code: number): boolean {
  return code === COMMA || code === CLOSE_ARRAY || code === CLOSE_OBJECT || isSpace(code);
}
