/**
 * Simulations by seed: `npm run sim -- --seed 7`, `npm run sim -- --seeds 0:1000`.
 *
 * A seed that fails is made smaller and shown; `--seed` and `--scenario` show all that happens.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { scenarioOf } from "../../test/sim/draw.ts";
import type { Scenario } from "../../test/sim/scenario.ts";
import { shrink } from "../../test/sim/shrink.ts";
import { simulate, type Verdict } from "../../test/sim/simulate.ts";
import { sweepInParts } from "./parts.ts";
import { measurePlanted } from "./planted.ts";

const USAGE = `npm run sim -- --seed N [--quiet]           one seed, line by line
               --scenario FILE [--quiet]   one stored scenario
               --seeds FROM:TO [--jobs N]  many, in N processes; the first that fails is made smaller
               --planted SEEDS             how many of so many seeds at most catch each planted bug, and in which time; writes what is stored of them
  all but the last: --sabotage NAME, with a planted bug`;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    scenario: { type: "string" },
    seeds: { type: "string" },
    jobs: { type: "string", default: String(availableParallelism()) },
    planted: { type: "string" },
    sabotage: { type: "string" },
    quiet: { type: "boolean", default: false },
  },
});

if (values.seed !== undefined) await one(scenarioOf(Number(values.seed)));
else if (values.scenario !== undefined) await one(readScenario(values.scenario));
else if (values.seeds !== undefined) await many(values.seeds);
else if (values.planted !== undefined)
  await measurePlanted({ seeds: Number(values.planted), jobs: Number(values.jobs), only: values.sabotage });
else console.log(USAGE);

/** A scenario alone, or one of test/sim/scenarios, where what it found stands beside it. */
function readScenario(file: string): Scenario {
  const kept = JSON.parse(readFileSync(file, "utf8")) as Scenario | { scenario: Scenario };
  return "scenario" in kept ? kept.scenario : kept;
}

async function one(scenario: Scenario): Promise<void> {
  const { seed } = scenario;
  const { sabotage } = values;
  const onLine = values.quiet ? undefined : (line: string) => console.log(line);
  const verdict = await simulate(seed, { scenario, sabotage, onLine });
  const again = await simulate(seed, { scenario, sabotage });
  console.log(verdict);
  if (again.hash !== verdict.hash) fail(`seed ${seed} went otherwise the second time: ${again.hash}`);
  if (verdict.violations.length > 0) await explain(scenario, verdict);
}

async function many(range: string): Promise<void> {
  const [from = 0, to = 0] = range.split(":").map(Number);
  const { sabotage } = values;
  const startedAt = performance.now();
  const onFailure = (seed: number, violations: readonly string[]) =>
    console.log(`seed ${seed} fails: ${violations.slice(0, 3).join("\n  ")}`);
  const sum = await sweepInParts({ from, to, jobs: Number(values.jobs), sabotage, onFailure });
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const hours = (sum.virtualMs / 3_600_000).toFixed(1);
  console.log(
    `${sum.seeds} seeds in ${seconds} s, ${sum.failing.length} failed; ${hours} hours of virtual time, ${sum.messages} messages, ${sum.jobs} jobs of ${sum.items} items, ${sum.executions} executions`,
  );
  const [first] = sum.failing;
  if (first !== undefined) await explain(scenarioOf(first.seed), await simulate(first.seed, { sabotage }));
}

async function explain(whole: Scenario, { seed, violations }: Verdict): Promise<void> {
  const { sabotage } = values;
  console.log(`seed ${seed} fails:\n  ${violations.join("\n  ")}`);
  const { scenario, violations: left, tries } = await shrink(whole, { sabotage });
  const lines: string[] = [];
  await simulate(seed, { scenario, sabotage, onLine: (line) => lines.push(line) });
  console.log(`\nmade smaller in ${tries} runs:\n${JSON.stringify(scenario, null, 2)}`);
  console.log(`${lines.slice(-150).join("\n")}\n\n  ${left.join("\n  ")}`);
  fail(`replay: npm run sim -- --seed ${seed}, or store the scenario in test/sim/scenarios`);
}

function fail(why: string): void {
  console.log(why);
  process.exitCode = 1;
}
