/** How often each planted bug is caught, and the smallest scenario found that catches it. */
import { scenarioOf } from "../../test/sim/draw.ts";
import { SABOTAGES } from "../../test/sim/sabotage.ts";
import { shrink } from "../../test/sim/shrink.ts";
import { writePlanted } from "../../test/sim/stored.ts";
import { sweepInParts } from "./parts.ts";

export interface Measuring {
  /** How many seeds to try with each bug. */
  seeds: number;
  jobs: number;
  /** @default all of them */
  only: string | undefined;
}

export async function measurePlanted({ seeds, jobs, only }: Measuring): Promise<void> {
  for (const name of only === undefined ? Object.keys(SABOTAGES) : [only])
    await measure(name, { seeds, jobs, only });
}

async function measure(sabotage: string, { seeds, jobs }: Measuring): Promise<void> {
  const { failing } = await sweepInParts({ from: 0, to: seeds, jobs, sabotage, onFailure: () => {} });
  console.log(`${sabotage}: caught by ${failing.length} of ${seeds} seeds`);
  const first = failing.reduce((least, { seed }) => Math.min(least, seed), Number.POSITIVE_INFINITY);
  if (failing.length === 0) {
    process.exitCode = 1;
    return;
  }
  const { scenario, violations } = await shrink(scenarioOf(first), { sabotage });
  const violation = violations[0]?.split("\n")[0] ?? "";
  console.log(`  ${violation}`);
  writePlanted(sabotage, { caught: failing.length, of: seeds, violation, scenario });
}
