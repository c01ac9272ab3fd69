/**
 * Simulations by seed: `npm run sim -- --seed 7`, `npm run sim -- --seeds 0:1000`.
 *
 * A seed that fails is made smaller and shown; `--seed` shows all that happens in it.
 */
import { parseArgs } from "node:util";
import { SABOTAGES } from "../test/sim/sabotage.ts";
import { scenarioOf } from "../test/sim/scenario.ts";
import { shrink } from "../test/sim/shrink.ts";
import { simulate, type Verdict } from "../test/sim/simulate.ts";

const USAGE = `npm run sim -- --seed N [--quiet] | --seeds FROM:TO [--keep-going] [--sabotage NAME|all]`;
/** How many seeds a planted bug may take to be caught. */
const SABOTAGE_SEEDS = 2_000;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    sabotage: { type: "string" },
    "keep-going": { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
  },
});

if (values.seed !== undefined) await one(Number(values.seed));
else if (values.sabotage === "all") for (const name of Object.keys(SABOTAGES)) await caught(name);
else if (values.seeds !== undefined) await many(values.seeds);
else console.log(USAGE);

async function one(seed: number): Promise<void> {
  const onLine = values.quiet ? undefined : (line: string) => console.log(line);
  const options = { sabotage: values.sabotage, ...(onLine === undefined ? {} : { onLine }) };
  const verdict = await simulate(seed, options);
  const again = await simulate(seed, { sabotage: values.sabotage });
  console.log(verdict);
  if (again.hash !== verdict.hash) fail(`seed ${seed} went otherwise the second time: ${again.hash}`);
  if (verdict.violations.length > 0) await explain(verdict);
}

async function many(range: string): Promise<void> {
  const [from = 0, to = 0] = range.split(":").map(Number);
  const before = process.cpuUsage();
  let failed = 0;
  const total = { virtualMs: 0, passages: 0, executions: 0, jobs: 0, items: 0 };
  for (let seed = from; seed < to; seed++) {
    const verdict = await simulate(seed, { sabotage: values.sabotage });
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += verdict.stats[name];
    if (verdict.violations.length === 0) continue;
    failed++;
    console.log(`seed ${seed} fails: ${verdict.violations.slice(0, 3).join("\n  ")}`);
    if (values["keep-going"]) continue;
    await explain(verdict);
    return;
  }
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1000 / Math.max(1, to - from);
  const hours = (total.virtualMs / 3_600_000).toFixed(1);
  console.log(
    `${to - from} seeds, ${failed} failed; ${hours} hours of virtual time, ${total.passages} messages, ${total.jobs} jobs of ${total.items} items, ${total.executions} executions; ${cpuMs.toFixed(1)} ms of CPU time a seed`,
  );
  if (failed > 0) process.exitCode = 1;
}

/** The first seed that a planted bug fails, and how. */
async function caught(name: string): Promise<void> {
  for (let seed = 0; seed < SABOTAGE_SEEDS; seed++) {
    const { violations } = await simulate(seed, { sabotage: name });
    if (violations.length === 0) continue;
    console.log(
      `| ${name} | ${SABOTAGES[name]?.bug} | ${seed} | ${violations[0]?.split("\n")[0]?.slice(0, 120)} |`,
    );
    return;
  }
  console.log(`| ${name} | ${SABOTAGES[name]?.bug} | not in ${SABOTAGE_SEEDS} | |`);
  process.exitCode = 1;
}

async function explain({ seed, violations }: Verdict): Promise<void> {
  console.log(`seed ${seed} fails:\n  ${violations.join("\n  ")}`);
  const { scenario, violations: left, tries } = await shrink(scenarioOf(seed), { sabotage: values.sabotage });
  const lines: string[] = [];
  await simulate(seed, { scenario, sabotage: values.sabotage, onLine: (line) => lines.push(line) });
  console.log(`\nmade smaller in ${tries} runs:\n${JSON.stringify(scenario, null, 2)}`);
  console.log(`${lines.slice(-150).join("\n")}\n\n  ${left.join("\n  ")}`);
  fail(`replay: npm run sim -- --seed ${seed}`);
}

function fail(why: string): void {
  console.log(why);
  process.exitCode = 1;
}
