/** The options of a job, the reducers and the fleet's settings, as docs/protocol.md lists them. */
import { z } from "zod";
import { FLEET_SETTINGS, type FleetSettings, parseFleetSettings } from "../src/bootstrap/settings.ts";
import { type ParamDoc, REDUCERS, type ReducerDoc } from "../src/domain/reducers/index.ts";
import { headerName, OPTION_NAMES, OPTIONS, parseOptions } from "../src/protocol/options.ts";
import { code, codes, table } from "./markdown.ts";

/** The settings of a fleet in which nobody asked for anything. */
export function settingsInForce(): FleetSettings {
  return parseFleetSettings({});
}

/** What of a JSON schema is looked at. */
interface Shape {
  description?: string;
  type?: string | readonly string[];
  enum?: readonly string[];
  const?: unknown;
  anyOf?: readonly Shape[];
  minimum?: number;
  maximum?: number;
  maxLength?: number;
}

/** What no schema says: fields that are turned into something else as they are read. */
const ACCEPTS: Readonly<Record<string, string>> = {
  reduce: "a reducer: `name`, `name:param`, or `{name: …}`",
  deadline: "a duration, or a date",
  output: "`object:BUCKET/NAME`, `subject:SUBJECT`, or `{object: …}`, `{subject: …}`",
};

/** Fields that hold milliseconds once they are read. */
const DURATIONS = new Set(["backoff", "timeout", "delay", "lease", "outcomeTtl"]);

/** All options of a job. */
export function jobOptions(): string {
  const shapes = shapesOf(OPTIONS);
  const defaults: Readonly<Record<string, unknown>> = parseOptions({});
  const rows = OPTION_NAMES.map((name) => [
    code(name),
    code(headerName(name)),
    accepts(name, shapes[name]),
    defaultOf(name, defaults[name]),
    shapes[name]?.description ?? "",
  ]);
  return table(["option", "header", "accepts", "default", "meaning"], rows);
}

/** All settings of a fleet. */
export function fleetSettings(): string {
  const shapes = shapesOf(FLEET_SETTINGS);
  const defaults: Readonly<Record<string, unknown>> = settingsInForce();
  const rows = Object.entries(shapes).map(([name, shape]) => [
    code(name),
    accepts(name, shape),
    defaultOf(name, defaults[name]),
    shape.description ?? "",
  ]);
  return table(["setting", "accepts", "default", "meaning"], rows);
}

function shapesOf(schema: z.ZodType): Readonly<Record<string, Shape>> {
  const json: { properties?: unknown } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return json.properties as Record<string, Shape>;
}

function accepts(name: string, shape: Shape = {}): string {
  if (ACCEPTS[name] !== undefined) return ACCEPTS[name];
  if (DURATIONS.has(name)) return "a duration";
  if (shape.anyOf !== undefined) return shape.anyOf.map((branch) => accepts("", branch)).join(", or ");
  if (shape.enum !== undefined) return codes(shape.enum);
  if (shape.const !== undefined) return code(String(shape.const));
  return shape.type === "integer" ? integerOf(shape) : `text of 1 to ${shape.maxLength} characters`;
}

function integerOf({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Shape): string {
  const isOpen = maximum === Number.MAX_SAFE_INTEGER;
  return isOpen ? `an integer from ${minimum}` : `an integer from ${minimum} to ${maximum}`;
}

function defaultOf(name: string, value: unknown): string {
  if (value === undefined) return "";
  return DURATIONS.has(name) ? code(duration(Number(value))) : code(String(value));
}

function duration(ms: number): string {
  if (ms >= 3_600_000 && ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms >= 1_000 && ms % 1_000 === 0) return `${ms / 1_000}s`;
  return `${ms}ms`;
}

// ── reducers ─────────────────────────────────────────────────────────────────

/** All reducers, with an example each. */
export function reducers(): string {
  const rows = REDUCERS.map((reducer) => [
    code(reducer.name),
    reducer.params.map(paramText).join("; "),
    reducer.takes,
    reducer.gives,
    exampleOf(reducer),
  ]);
  return table(["reducer", "parameters", "takes", "gives", "example"], rows);
}

function paramText({ name, type, min, max, default: value, about }: ParamDoc): string {
  const range = min === undefined || max === undefined ? "" : ` from ${min} to ${max}`;
  const fallback = value === undefined || value === "" ? "" : `, default ${value}`;
  return `${code(name)}: ${about} (${type}${range}${fallback})`;
}

function exampleOf({ example }: ReducerDoc): string {
  if (example === undefined) return "";
  const { reduce, outputs, result } = example;
  return `${code(reduce)} of ${code(JSON.stringify(outputs))} is ${code(JSON.stringify(result))}`;
}
