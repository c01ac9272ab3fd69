/**
 * Says where a JSON text goes wrong. JSON.parse's own messages differ between Node versions and often name no place, so
 * a text that was refused is walked once more, without recursion: a text of a million brackets is as good as any other.
 */
import { endOfString, skipSpace } from "./json-scan.ts";

type Expected = "value" | "element or ]" | "key or }" | "key" | "colon" | "separator" | "end";

interface Walk {
  readonly text: string;
  at: number;
  expected: Expected;
  /** The open brackets, innermost last. */
  readonly open: ("[" | "{")[];
}

interface Fault {
  readonly at: number;
  readonly wanted: string;
}

const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;
const ESCAPE = /\\(u[\da-fA-F]{4}|.)?/gs;
const ESCAPED = new Set(['"', "\\", "/", "b", "f", "n", "r", "t"]);

/** A sentence about the first fault of a text that is not JSON: what was expected, where, and what stands there. */
export function describeFault(text: string): string | undefined {
  const fault = findFault(text);
  if (fault === undefined) return undefined;
  const { at, wanted } = fault;
  if (text.trim() === "") return "it is empty";
  if (at >= text.length)
    return `it ends too early, at position ${text.length}: ${wanted} was expected after ${snippet(text, at)}`;
  return `${wanted} was expected at position ${at}${lineOf(text, at)}, but ${foundAt(text, at)} stands there: ${snippet(text, at)}`;
}

function foundAt(text: string, at: number): string {
  const word = /[-+\w.]{1,20}|./sy;
  word.lastIndex = at;
  return JSON.stringify(word.exec(text)?.[0] ?? "");
}

function lineOf(text: string, at: number): string {
  const before = text.slice(0, at);
  const lines = before.split("\n");
  return lines.length === 1 ? "" : ` (line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1})`;
}

/** Characters shown on either side of the fault. */
const AROUND = 16;

function snippet(text: string, at: number): string {
  const from = Math.max(0, at - AROUND);
  const to = Math.min(text.length, at + AROUND);
  const shown = text.slice(from, to).replace(/[\s\p{Cc}]+/gu, " ");
  return `${from > 0 ? "…" : ""}${shown}${to < text.length ? "…" : ""}`;
}

// ── the walk ───────────────────────────────────────────────────────────────────────────────────────────────────

function findFault(text: string): Fault | undefined {
  const walk: Walk = { text, at: 0, expected: "value", open: [] };
  for (;;) {
    walk.at = skipSpace(text, walk.at);
    if (walk.at >= text.length && walk.expected === "end") return undefined;
    const fault = step(walk);
    if (fault !== undefined) return fault;
  }
}

function step(walk: Walk): Fault | undefined {
  switch (walk.expected) {
    case "end":
      return faultAt(walk, "the end");
    case "colon":
      return take(walk, ":") ? expect(walk, "value") : faultAt(walk, '":"');
    case "separator":
      return takeSeparator(walk);
    case "key":
    case "key or }":
      return takeKey(walk);
    case "value":
    case "element or ]":
      return takeValue(walk);
  }
}

function takeSeparator(walk: Walk): Fault | undefined {
  const inArray = walk.open.at(-1) === "[";
  if (take(walk, ",")) return expect(walk, inArray ? "value" : "key");
  if (take(walk, inArray ? "]" : "}")) return close(walk);
  return faultAt(walk, inArray ? '"," or "]"' : '"," or "}"');
}

function takeKey(walk: Walk): Fault | undefined {
  if (walk.expected === "key or }" && take(walk, "}")) return close(walk);
  if (walk.text[walk.at] !== '"') return faultAt(walk, "a key in double quotes");
  return takeString(walk) ?? expect(walk, "colon");
}

function takeValue(walk: Walk): Fault | undefined {
  if (walk.expected === "element or ]" && take(walk, "]")) return close(walk);
  if (take(walk, "[")) return open(walk, "[", "element or ]");
  if (take(walk, "{")) return open(walk, "{", "key or }");
  if (walk.text[walk.at] === '"') return takeString(walk) ?? afterValue(walk);
  return takeScalar(walk);
}

function takeScalar(walk: Walk): Fault | undefined {
  SCALAR.lastIndex = walk.at;
  if (!SCALAR.test(walk.text)) return faultAt(walk, "a value");
  walk.at = SCALAR.lastIndex;
  return afterValue(walk);
}

function takeString(walk: Walk): Fault | undefined {
  const end = endOfString(walk.text, walk.at);
  const inside = walk.text.slice(walk.at + 1, end);
  const bad = firstBadCharacter(inside);
  if (bad !== undefined) return { at: walk.at + 1 + bad.at, wanted: bad.wanted };
  if (end >= walk.text.length) return { at: end, wanted: 'a closing "' };
  walk.at = end + 1;
  return undefined;
}

function firstBadCharacter(inside: string): Fault | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const control = inside.search(/[\u0000-\u001f]/);
  if (control !== -1) return { at: control, wanted: "an escaped control character (\\n, \\t, …)" };
  const bad = firstBadEscape(inside);
  return bad === -1 ? undefined : { at: bad, wanted: 'an escape (\\", \\\\, \\/, \\n, \\uXXXX, …)' };
}

function firstBadEscape(inside: string): number {
  for (const { 1: escaped = "", index } of inside.matchAll(ESCAPE)) {
    if (escaped.length !== 5 && !ESCAPED.has(escaped)) return index;
  }
  return -1;
}

function take(walk: Walk, character: string): boolean {
  if (walk.text[walk.at] !== character) return false;
  walk.at++;
  return true;
}

function open(walk: Walk, bracket: "[" | "{", expected: Expected): undefined {
  walk.open.push(bracket);
  return expect(walk, expected);
}

function close(walk: Walk): undefined {
  walk.open.pop();
  return afterValue(walk);
}

function afterValue(walk: Walk): undefined {
  return expect(walk, walk.open.length === 0 ? "end" : "separator");
}

function expect(walk: Walk, expected: Expected): undefined {
  walk.expected = expected;
  return undefined;
}

function faultAt(walk: Walk, wanted: string): Fault {
  return { at: walk.at, wanted };
}
