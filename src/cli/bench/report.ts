/** What a scenario found, as data: the same for the printed tables, the JSON file and the picture. */
import { type Spread, spreadOf } from "../../domain/statistics.ts";
import type { Machine } from "./machine.ts";

/** One measured quantity: a value a run. */
export interface Figure extends Spread {
  readonly name: string;
  readonly unit: string;
  /** In the order in which they were measured. */
  readonly values: readonly number[];
}

export interface Series {
  readonly name: string;
  readonly style: "points" | "line" | "dashes";
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Axis {
  readonly label: string;
  readonly scale: "linear" | "log";
}

export interface Plot {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

/** A table of numbers that belong together, for people. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Findings {
  readonly figures: readonly Figure[];
  readonly tables?: readonly Table[];
  readonly plots?: readonly Plot[];
  /** What a scenario learnt that is no figure, such as a fit's coefficients. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

export interface Report extends Findings {
  readonly scenario: string;
  /** When it was begun, in ISO 8601. */
  readonly at: string;
  readonly machine: Machine;
  readonly settings: Readonly<Record<string, unknown>>;
}

export function figure(name: string, unit: string, values: readonly number[]): Figure {
  return { name, unit, values, ...spreadOf(values) };
}

/** Three significant digits at least, and no more decimals than they need: `31,250`, `4.35`, `0.983`. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  return value.toLocaleString("en-US", { maximumFractionDigits: Math.max(0, Math.min(6, 2 - size)) });
}
