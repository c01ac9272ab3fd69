/** Scenarios that are kept as files: they stay what they are when the way in which scenarios are drawn changes. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Scenario } from "./scenario.ts";

/** A schedule in which muster once broke its promise. */
export interface Regression {
  /** What went wrong. */
  found: string;
  scenario: Scenario;
}

/** A planted bug as it was last caught. */
export interface Caught {
  /** So many of the first `of` seeds catch it; 0 of 0 where that was not measured. */
  caught: number;
  of: number;
  /** What the checker says of the scenario, with names and numbers. */
  violation: string;
  scenario: Scenario;
}

const FOLDER = "test/sim/scenarios";
const PLANTED_FOLDER = "test/sim/planted";

/** By name of the file. Paths are relative to the project's root, where npm runs scripts and tests. */
export function regressions(): Map<string, Regression> {
  return new Map(read<Regression>(FOLDER));
}

/** By name of the bug. */
export function plantedScenarios(): Map<string, Caught> {
  return new Map(read<Caught>(PLANTED_FOLDER));
}

export function writePlanted(name: string, caught: Caught): void {
  writeFileSync(join(PLANTED_FOLDER, `${name}.json`), `${JSON.stringify(caught, null, 2)}\n`);
}

function read<T>(folder: string): [string, T][] {
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return files
    .sort()
    .map((file) => [
      file.slice(0, -".json".length),
      JSON.parse(readFileSync(join(folder, file), "utf8")) as T,
    ]);
}
