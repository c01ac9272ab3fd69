/** Finds a reducer by name and checks its parameters. */
import { InvalidOption, UnknownReducer } from "../../errors.ts";
import { suggest } from "../../protocol/suggest.ts";
import { describe } from "./outputs.ts";
import type { ParamValue } from "./reducer.ts";
import { type ParamDoc, REDUCERS, type ReducerDoc } from "./table.ts";

/** Characters of an unknown name that the error shows. */
const SHOWN = 64;

/** @throws UnknownReducer with the nearest name. */
export function docOf(name: string): ReducerDoc {
  const doc = REDUCERS.find((candidate) => candidate.name === name);
  if (doc !== undefined) return doc;
  const names = REDUCERS.map((candidate) => candidate.name);
  throw new UnknownReducer(name.slice(0, SHOWN), suggest(name, names));
}

/** The parameters, complete with defaults; @throws InvalidOption for unknown, missing or unfit ones. */
export function checkParams(
  doc: ReducerDoc,
  given: Readonly<Record<string, unknown>>,
): Record<string, ParamValue> {
  for (const key of Object.keys(given)) refuseUnknown(doc, key);
  return Object.fromEntries(doc.params.map((param) => [param.name, checked(doc, param, given[param.name])]));
}

function refuseUnknown(doc: ReducerDoc, key: string): void {
  const known = doc.params.map((param) => param.name);
  if (known.includes(key)) return;
  const near = suggest(key, known);
  const takes = known.length === 0 ? "no parameters" : known.join(", ");
  const hint = near === undefined ? "" : ` Did you mean "${near}"?`;
  throw invalid(key.slice(0, SHOWN), `reducer "${doc.name}" takes ${takes}.${hint}`);
}

function checked(doc: ReducerDoc, param: ParamDoc, given: unknown): ParamValue {
  const value = given ?? param.default;
  if (value === undefined) throw invalid(param.name, `reducer "${doc.name}" needs it: ${param.about}.`);
  if (param.type === "text" && typeof value === "string") return value;
  if (typeof value === "number" && isFit(param, value)) return value;
  throw invalid(param.name, `${rangeOf(param)} was expected, but it is ${describe(value)}.`);
}

function isFit({ type, min = -Infinity, max = Infinity }: ParamDoc, value: number): boolean {
  if (type === "text") return false;
  const isRight = type === "integer" ? Number.isSafeInteger(value) : Number.isFinite(value);
  return isRight && value >= min && value <= max;
}

function rangeOf({ type, min, max }: ParamDoc): string {
  if (type === "text") return "a text";
  const kind = type === "integer" ? "a whole number" : "a finite number";
  return min === undefined || max === undefined ? kind : `${kind} from ${min} to ${max}`;
}

function invalid(param: string, reason: string): InvalidOption {
  return new InvalidOption(`reduce.${param}`, reason);
}
