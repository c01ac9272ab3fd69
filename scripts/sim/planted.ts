/** How often each planted bug is caught, and the smallest scenario found that catches it. */
import { scenarioOf } from "../../test/sim/draw.ts";
import { SABOTAGES } from "../../test/sim/sabotage.ts";
import type { Scenario } from "../../test/sim/scenario.ts";
import { shrink } from "../../test/sim/shrink.ts";
import { simulate } from "../../test/sim/simulate.ts";
import { plantedScenarios, writePlanted } from "../../test/sim/stored.ts";
import { add, nothing, type Sweep } from "../../test/sim/sweep.ts";
import { sweepInParts } from "./parts.ts";

export interface Measuring {
  /** How many seeds to try with each bug at most. */
  seeds: number;
  jobs: number;
  /** @default all of them */
  only: string | undefined;
}

/** So many catches say well enough how rare they are. */
const ENOUGH = 5;
/** Seeds that are tried before the catches are counted. */
const ROUND = 100;

export async function measurePlanted({ seeds, jobs, only }: Measuring): Promise<void> {
  const names = only === undefined ? Object.keys(SABOTAGES) : [only];
  let seconds = 0;
  for (const name of names) seconds += await measure(name, { seeds, jobs, only });
  console.log(`a bug takes ${(seconds / names.length).toFixed(2)} s of processor time in the mean`);
}

/** Returns how many seconds of processor time it took to catch the bug, in the mean. */
async function measure(sabotage: string, measuring: Measuring): Promise<number> {
  const { failing, seeds, cpuMs } = await tryUntilEnough(sabotage, measuring);
  const seconds = cpuMs / 1000 / Math.max(1, failing.length);
  console.log(`${sabotage}: caught by ${failing.length} of ${seeds} seeds, ${seconds.toFixed(2)} s each`);
  if (failing.length === 0) process.exitCode = 1;
  else await keep(sabotage, { failing, seeds });
  return seconds;
}

async function tryUntilEnough(sabotage: string, { seeds, jobs }: Measuring): Promise<Sweep> {
  const sum = nothing();
  const step = ROUND * jobs;
  for (let from = 0; from < seeds && sum.failing.length < ENOUGH; from += step)
    add(
      sum,
      await sweepInParts({ from, to: Math.min(seeds, from + step), jobs, sabotage, onFailure: () => {} }),
    );
  return sum;
}

/** The stored scenario stays as long as it catches the bug. */
async function keep(sabotage: string, { failing, seeds }: Pick<Sweep, "failing" | "seeds">): Promise<void> {
  const measured = { caught: failing.length, of: seeds };
  const stored = plantedScenarios().get(sabotage);
  if (stored !== undefined && (await isCaught(sabotage, stored.scenario)))
    return writePlanted(sabotage, { ...stored, ...measured });
  const first = failing.reduce((least, { seed }) => Math.min(least, seed), Number.POSITIVE_INFINITY);
  const { scenario, violations } = await shrink(scenarioOf(first), { sabotage });
  const violation = violations[0]?.split("\n")[0] ?? "";
  console.log(`  ${violation}`);
  writePlanted(sabotage, { ...measured, violation, scenario });
}

async function isCaught(sabotage: string, scenario: Scenario): Promise<boolean> {
  return (await simulate(scenario.seed, { scenario, sabotage })).violations.length > 0;
}
