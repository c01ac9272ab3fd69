import { simulate } from "../test/sim/simulate.ts";
const [a, b] = process.argv.slice(2).map(Number);
const t0 = process.cpuUsage();
let bad = 0, passages = 0, virtual = 0;
for (let seed = a!; seed < (b ?? a! + 1); seed++) {
  const v = await simulate(seed, b === undefined ? { onLine: (l) => console.log(l) } : {});
  passages += v.stats.passages; virtual += v.stats.virtualMs;
  if (v.violations.length > 0) { bad++; console.log(seed, v.hash, v.violations.slice(0, 3)); }
  if (b === undefined) console.log(v);
}
const { user, system } = process.cpuUsage(t0);
const n = (b ?? a! + 1) - a!;
console.log(`${bad} bad of ${n}; ${((user + system) / 1000 / n).toFixed(1)} ms CPU a seed; ${(passages / n).toFixed(0)} passages, ${(virtual / n).toFixed(0)} virtual ms`);
