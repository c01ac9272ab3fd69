/** Reads the ways in which a reducer can be named. */
import { InvalidOption } from "../../errors.ts";
import { parseJson } from "../../protocol/json.ts";
import { describe, isRecord } from "./outputs.ts";
import { docOf } from "./params.ts";
import type { ParamDoc } from "./table.ts";

type Given = Readonly<Record<string, unknown>>;

const NUMERIC = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/;

/** A reducer's name, and its parameters as they were given. @throws UnknownReducer, or InvalidOption */
export function readReduce(value: unknown): [string, Given] {
  if (value === undefined) return ["collect", {}];
  if (isRecord(value)) return readRecord(value);
  if (typeof value !== "string") throw unreadable(value);
  const text = value.trim();
  return text.startsWith("{") ? readReduce(parseJson(text, "reduce")) : readText(text);
}

function unreadable(value: unknown): InvalidOption {
  const wanted = 'a name such as "sum" or "top-k:10", or an object such as {"name":"top-k","k":10}';
  return new InvalidOption("reduce", `${wanted}, was expected, but it is ${describe(value)}.`);
}

function readText(text: string): [string, Given] {
  const [name = "", ...values] = text.split(":").map((part) => part.trim());
  const { params } = docOf(name);
  if (values.length > params.length) throw tooMany(name, params.length, values.length);
  const given: Record<string, unknown> = {};
  for (const [at, param] of params.entries()) given[param.name] = valueIn(param, values[at] ?? "");
  return [name, given];
}

function valueIn({ type }: ParamDoc, text: string): unknown {
  if (text === "") return undefined;
  if (type === "text") return text;
  return NUMERIC.test(text) ? Number(text) : text;
}

function tooMany(name: string, takes: number, got: number): InvalidOption {
  return new InvalidOption(
    "reduce",
    `reducer "${name}" takes ${takes} values behind its name, but ${got} stand there.`,
  );
}

function readRecord(record: Given): [string, Given] {
  const { name, ...rest } = record;
  if (typeof name === "string") return [name, paramsIn(rest)];
  const [entry, ...others] = Object.entries(record);
  if (typeof entry?.[1] === "string")
    return readLeading(record, [entry[0], entry[1]], Object.fromEntries(others));
  if (entry === undefined || others.length > 0 || !isRecord(entry[1])) throw unreadable(record);
  return [entry[0], entry[1]];
}

/** `{"group-by":"country","with":"sum"}`: the first parameter under the name, where it is a text. */
function readLeading(record: Given, [name, value]: [string, string], others: Given): [string, Given] {
  const [first] = docOf(name).params;
  if (first?.type !== "text" || first.name in others) throw unreadable(record);
  return [name, { ...others, [first.name]: value }];
}

function paramsIn(rest: Given): Given {
  const { params, ...others } = rest;
  return isRecord(params) && Object.keys(others).length === 0 ? params : rest;
}
