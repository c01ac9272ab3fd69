/** Makes a failing scenario smaller, as long as it fails in the same way. */
import type { Scenario, SimJob } from "./scenario.ts";
import { type SimulateOptions, simulate } from "./simulate.ts";

export interface Shrunk {
  scenario: Scenario;
  violations: readonly string[];
  tries: number;
}

const NO_FAULT = { offsetMs: 0, rate: 1 };
const MOST_TRIES = 600;

/** Tries one simplification after the other, greedily, until none is left that still fails. */
export async function shrink(scenario: Scenario, options: SimulateOptions = {}): Promise<Shrunk> {
  const first = await simulate(scenario.seed, { ...options, scenario });
  const wanted = kindOf(first.violations);
  let best: Shrunk = { scenario, violations: first.violations, tries: 1 };
  for (let isSmaller = wanted !== undefined; isSmaller && best.tries < MOST_TRIES; ) {
    isSmaller = false;
    for (const candidate of simpler(best.scenario)) {
      const { violations } = await simulate(candidate.seed, { ...options, scenario: candidate });
      best = { ...best, tries: best.tries + 1 };
      if (kindOf(violations) !== wanted) continue;
      best = { ...best, scenario: candidate, violations };
      isSmaller = true;
      break;
    }
  }
  return best;
}

/** What is wrong, without the names and numbers of this run. */
function kindOf([first]: readonly string[]): string | undefined {
  return first
    ?.split("\n")[0]
    ?.replace(/\S*\d\S*/g, "#")
    .slice(0, 60);
}

function* simpler(scenario: Scenario): Iterable<Scenario> {
  const { jobs, blows, weather, fleet } = scenario;
  for (const index of jobs.keys()) if (jobs.length > 1) yield { ...scenario, jobs: without(jobs, index) };
  for (const index of blows.keys()) yield { ...scenario, blows: without(blows, index) };
  for (const index of weather.keys()) yield { ...scenario, weather: without(weather, index) };
  for (const role of ["dispatcher", "worker", "aggregator"] as const)
    if (fleet[role] > 1) yield { ...scenario, fleet: { ...fleet, [role]: fleet[role] - 1 } };
  if (scenario.latencyMs > 0) yield { ...scenario, latencyMs: 0 };
  if (scenario.slots > 1) yield { ...scenario, slots: 1 };
  if (scenario.partitions > 1) yield { ...scenario, partitions: 1 };
  if (scenario.clocks.some(({ offsetMs, rate }) => offsetMs !== 0 || rate !== 1))
    yield { ...scenario, clocks: scenario.clocks.map(() => NO_FAULT) };
  for (const [index, job] of jobs.entries())
    for (const plainer of simplerJobs(job)) yield { ...scenario, jobs: jobs.with(index, plainer) };
  yield* plainerWeather(scenario);
}

function* plainerWeather(scenario: Scenario): Iterable<Scenario> {
  const { weather } = scenario;
  for (const [index, each] of weather.entries())
    for (const name of ["loss", "twice", "slow"] as const)
      if (each[name] > 0) yield { ...scenario, weather: weather.with(index, { ...each, [name]: 0 }) };
}

function* simplerJobs(job: SimJob): Iterable<SimJob> {
  for (const name of ["againAfter", "cancelAfter", "delayMs", "deadlineMs", "poison"] as const)
    if (job[name] !== undefined) yield { ...job, [name]: undefined };
  for (const name of ["flaky", "broken", "pad", "itemMs"] as const)
    if (job[name] > 0) yield { ...job, [name]: 0 };
  if (job.count > 2) yield { ...job, count: Math.ceil(job.count / 2) };
}

function without<T>(list: readonly T[], index: number): T[] {
  return list.toSpliced(index, 1);
}
