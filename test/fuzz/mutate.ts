/** Makes hostile inputs of valid ones. */
import type { Dice } from "../sim/dice.ts";
import type { Input } from "./target.ts";

/** Bytes with a meaning to someone. */
const WORDS: readonly string[] = [
  ...['"__proto__"', '"constructor"', '"prototype"', '"toString"', '"then"', '"toJSON"', '"length"'],
  ...['{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}', '"\\u005f_proto__":{}'],
  ...["__proto__", "constructor", "hasOwnProperty", "null", "true", "[]", "{}", '""', "[null]", "[[]]"],
  ...[
    "-0",
    "0",
    "-1",
    "1e999",
    "-1e-999",
    "9007199254740993",
    "18446744073709551616",
    "0.1e1",
    "1e308",
    "NaN",
  ],
  ...[
    "\\ud800",
    "\\udfff",
    "\\u0000",
    "\\",
    '"',
    "\n",
    "\r\n",
    "\0",
    "\x1b[2J",
    " ",
    ":",
    ",",
    ".",
    "*",
    ">",
  ],
  // Not UTF-8: a lone byte, an overlong slash, half of a surrogate pair, beyond Unicode; then a byte order mark, and U+2028.
  ...["\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xef\xbb\xbf", "\xe2\x80\xa8"],
  ...["\x1f\x8b", "\x1f\x8b\x08\0\0\0\0\0\0\xff", "0-4/10", "0-0/1", "7-3/9", "0-9999999999999999/*", "+ACK"],
  ...[
    "Muster-",
    "Nats-Msg-Id",
    "2026-02-30",
    "99999999d",
    "1e3s",
    "top-k:0",
    "histogram:0:0:0",
    "--",
    "--json",
  ],
];

/** What brackets may nest: JSON.parse takes any depth, recursion does not. */
const DEPTHS = [30, 1_100, 20_000];
/** Beyond this a part is cut, or repeating would make it grow for ever. */
const MAX_PART = 256 * 1024;

type Mutation = (text: string, dice: Dice, other: string) => string;

const MUTATIONS: readonly Mutation[] = [
  replaceByte,
  replaceByte,
  remove,
  remove,
  truncate,
  insertWord,
  insertWord,
  replaceToken,
  replaceToken,
  replaceToken,
  insertMember,
  repeat,
  splice,
];

/** An input as it is, or with up to six changes; `other` lends its parts. */
export function mutated(input: Input, other: Input, dice: Dice): Input {
  const parts: Record<string, string> = { ...input };
  for (let changes = dice.int(0, 6); changes > 0; changes--) {
    const name = dice.pick(Object.keys(parts));
    if (name === undefined) break;
    if (dice.chance(0.02)) parts[name] = nested(dice);
    else if (dice.chance(0.01)) delete parts[name];
    else parts[name] = changed(parts[name] ?? "", dice, other[name] ?? "").slice(0, MAX_PART);
  }
  return parts;
}

function changed(text: string, dice: Dice, other: string): string {
  return dice.pick(MUTATIONS)(text, dice, other);
}

function replaceByte(text: string, dice: Dice): string {
  const at = dice.int(0, text.length);
  return text.slice(0, at) + String.fromCharCode(dice.int(0, 255)) + text.slice(at + 1);
}

function remove(text: string, dice: Dice): string {
  const at = dice.int(0, text.length);
  return text.slice(0, at) + text.slice(at + dice.int(1, 8));
}

function truncate(text: string, dice: Dice): string {
  return text.slice(0, dice.int(0, text.length));
}

function insertWord(text: string, dice: Dice): string {
  const at = dice.int(0, text.length);
  return text.slice(0, at) + dice.pick(WORDS) + text.slice(at);
}

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[A-Za-z][\w-]*/g;

/** A string, number or word becomes something else. */
function replaceToken(text: string, dice: Dice): string {
  const from = dice.int(0, text.length);
  TOKEN.lastIndex = from;
  const token = TOKEN.exec(text);
  if (token === null) return insertWord(text, dice);
  return text.slice(0, token.index) + dice.pick(WORDS) + text.slice(token.index + token[0].length);
}

function insertMember(text: string, dice: Dice): string {
  const at = text.indexOf("{", dice.int(0, text.length)) + 1;
  return `${text.slice(0, at)}${dice.pick(WORDS)}:${dice.pick(WORDS)},${text.slice(at)}`;
}

function repeat(text: string, dice: Dice): string {
  const from = dice.int(0, text.length);
  const piece = text.slice(from, from + dice.int(1, 16));
  return text.slice(0, from) + piece.repeat(dice.pick([2, 3, 10, 300])) + text.slice(from);
}

function splice(text: string, dice: Dice, other: string): string {
  return text.slice(0, dice.int(0, text.length)) + other.slice(dice.int(0, other.length));
}

function nested(dice: Dice): string {
  const depth = dice.pick(DEPTHS);
  const [open, close] = dice.pick([
    ["[", "]"],
    ['{"a":', "}"],
    ['[{"kinds":[', "]}]"],
  ] as const);
  return open.repeat(depth) + dice.pick(["", "1", "null"]) + (dice.chance(0.7) ? close.repeat(depth) : "");
}
