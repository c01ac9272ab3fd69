/** How many tasks, items and jobs a second, and the CPU time of one task by process. */
import { Unexpected } from "../../errors.ts";
import type { Fleet } from "./fleet.ts";
import { watchCpu } from "./processes.ts";
import { type Figure, type Findings, figure, shown, type Table } from "./report.ts";
import { type Bench, manyAtOnce, onFleet, repeated, type Scenario, sized } from "./scenario.ts";

const TASKS = 50_000;
const ITEMS = 5_000_000;
const JOBS = 20_000;
/** Requests that are out at once. */
const AT_ONCE = 1_000;

export const throughput: Scenario = {
  name: "throughput",
  summary: "tasks, items and jobs a second",
  run: measureThroughput,
};

async function measureThroughput(bench: Bench): Promise<Findings> {
  const figures: Figure[] = [];
  const tables: Table[] = [];
  for (const workers of bench.options.workers) {
    await onFleet(bench, { workers }, async (fleet) => {
      const suffix = `, ${workers} worker${workers === 1 ? "" : "s"}`;
      const singles = await singleItemTasks(bench, fleet);
      figures.push(figure(`single-item tasks${suffix}`, "tasks/s", singles.rates));
      figures.push(figure(`items in automatic chunks${suffix}`, "items/s", await chunkedItems(bench, fleet)));
      figures.push(figure(`one-item jobs at once${suffix}`, "jobs/s", await jobsAtOnce(bench, fleet)));
      tables.push(cpuTable(`CPU time of one single-item task${suffix}`, singles.cpu));
    });
  }
  return { figures, tables };
}

export interface SingleItemTasks {
  rates: number[];
  /** CPU time of one task by process, in microseconds: a figure a process. */
  cpu: Figure[];
}

/** One job of single-item tasks whose outputs are collected. */
export async function singleItemTasks(bench: Bench, fleet: Fleet): Promise<SingleItemTasks> {
  const count = sized(bench, TASKS, 300);
  const body = JSON.stringify(Array.from({ length: count }, (_, i) => i));
  const measured = await repeated(bench, async () => {
    const cpu = watchCpu(fleet.processes);
    const { ms, outcome } = await fleet.run({ kind: "double", body, options: { chunk: 1 } });
    if (outcome.counts.tasks !== count)
      throw new Unexpected(`${outcome.counts.tasks} tasks instead of ${count}`);
    return { rate: perSecond(count, ms), cpu: cpu() };
  });
  const cpu = fleet.processes.map(({ name }) =>
    figure(
      name,
      "µs",
      measured.map((run) => ((run.cpu.get(name) ?? Number.NaN) * 1_000) / count),
    ),
  );
  return { rates: measured.map(({ rate }) => rate), cpu };
}

/** One job over a range, reduced to a sum that is known. */
function chunkedItems(bench: Bench, fleet: Fleet): Promise<number[]> {
  const to = sized(bench, ITEMS, 1_000);
  const job = {
    kind: "double",
    body: JSON.stringify({ range: { from: 0, to } }),
    options: { reduce: "sum" },
  };
  return repeated(bench, async () => {
    const { ms, outcome } = await fleet.run(job);
    if (Number(outcome.body) !== to * (to - 1)) throw new Unexpected(`the sum is not ${outcome.body}`);
    return perSecond(to, ms);
  });
}

/** Many callers at once, each with one item, each answered. */
function jobsAtOnce(bench: Bench, fleet: Fleet): Promise<number[]> {
  const count = sized(bench, JOBS, 100);
  return repeated(bench, async () => {
    const begun = performance.now();
    await manyAtOnce(count, AT_ONCE, (i) => fleet.request("double", `[${i}]`));
    return perSecond(count, performance.now() - begun);
  });
}

function perSecond(count: number, ms: number): number {
  return (count / ms) * 1_000;
}

function cpuTable(title: string, figures: readonly Figure[]): Table {
  const sum = figures.reduce((all, { median }) => all + median, 0);
  const rows = figures.map(({ name, median }) => [name, shown(median)]);
  return { title, columns: ["process", "µs"], rows: [...rows, ["all", shown(sum)]] };
}
