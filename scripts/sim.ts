/**
 * Runs the simulation: `npm run sim -- --seed N` tells one seed's story, `npm run sim -- --seeds A:B` looks for a seed of
 * A to B − 1 that breaks the promise. Exit code 1 where one does.
 */
import { parseArgs } from "node:util";
import { simulate, type Verdict } from "../test/sim/simulate.ts";

const { values } = parseArgs({ options: { seed: { type: "string" }, seeds: { type: "string" } } });

function range(): [from: number, to: number] {
  const [from = "0", to = "100"] = (values.seeds ?? "0:100").split(":");
  return values.seed === undefined
    ? [Number(from), Number(to)]
    : [Number(values.seed), Number(values.seed) + 1];
}

function tell({ seed, hash, violations }: Verdict): void {
  console.log(`seed ${seed} (${hash}) breaks the promise: npm run sim -- --seed ${seed}`);
  for (const violation of violations.slice(0, 5)) console.log(`  ${violation}`);
}

const [from, to] = range();
const story = values.seed === undefined ? {} : { onLine: (line: string) => console.log(line) };
const begun = performance.now();
let broken = 0;
for (let seed = from; seed < to; seed++) {
  const verdict = await simulate(seed, story);
  if (verdict.violations.length === 0) continue;
  broken++;
  tell(verdict);
}
const perSecond = (to - from) / ((performance.now() - begun) / 1000);
console.log(`${to - from} seeds, ${broken} of them broke the promise; ${perSecond.toFixed(1)} seeds/s`);
process.exitCode = broken === 0 ? 0 : 1;
