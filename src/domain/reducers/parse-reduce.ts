/** Reads the option `reduce`. */
import { InvalidOption } from "../../errors.ts";
import { parseJson } from "../../protocol/json.ts";
import { describe, isRecord } from "./outputs.ts";
import { checkParams, docOf } from "./params.ts";
import type { ReduceSpec } from "./reducer.ts";
import { checkSpec } from "./reducer-for.ts";

type Given = Readonly<Record<string, unknown>>;

const NUMERIC = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/;

/**
 * The spec that the option `reduce` stands for; `collect` when it is not given. These are the same:
 *
 * - `"top-k:10"`: the name, then values in the order of the documentation; an empty or missing one takes its default
 * - `{"name":"top-k","k":10}`: the name among its parameters
 * - `{"top-k":{"k":10}}`: the parameters under the name
 * - `{"name":"top-k","params":{"k":10}}`: a spec itself
 * - any of the objects as text, for headers: `Muster-Reduce: {"top-k":{"k":10}}`
 *
 * @throws UnknownReducer with "did you mean", InvalidOption for anything else that is wrong.
 */
export function parseReduce(value: unknown): ReduceSpec {
  const [name, given] = read(value);
  const spec = { name, params: checkParams(docOf(name), given) };
  checkSpec(spec);
  return spec;
}

function read(value: unknown): [string, Given] {
  if (value === undefined) return ["collect", {}];
  if (isRecord(value)) return readRecord(value);
  if (typeof value !== "string") throw unreadable(value);
  const text = value.trim();
  return text.startsWith("{") ? read(parseJson(text, "reduce")) : readText(text);
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
  for (const [at, param] of params.entries()) given[param.name] = numeric(values[at] ?? "");
  return [name, given];
}

function numeric(text: string): unknown {
  if (text === "") return undefined;
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
  if (entry === undefined || others.length > 0 || !isRecord(entry[1])) throw unreadable(record);
  return [entry[0], entry[1]];
}

function paramsIn(rest: Given): Given {
  const { params, ...others } = rest;
  return isRecord(params) && Object.keys(others).length === 0 ? params : rest;
}
