/** How long a caller waits for a job of one item, and how soon a new worker works. */
import { forkActor } from "../../bootstrap/fork-actor.ts";
import { quantile } from "../../domain/statistics.ts";
import { ENTRY } from "../actors/entry.ts";
import type { Fleet } from "./fleet.ts";
import { type Figure, type Findings, figure } from "./report.ts";
import { type Bench, onFleet, repeated, type Scenario, sized } from "./scenario.ts";

const REQUESTS = 2_000;

export const latency: Scenario = {
  name: "latency",
  summary: "one-item jobs one after the other, and how soon a new worker works",
  run: async (bench) => {
    const oneByOne = await onFleet(bench, { workers: 1 }, (fleet) => measureRequests(bench, fleet));
    const start = await onFleet(bench, { workers: 0 }, (fleet) => measureStart(bench, fleet));
    return { figures: [...oneByOne, start] } satisfies Findings;
  },
};

const QUANTILES = [
  ["p50", 0.5],
  ["p99", 0.99],
  ["p99.9", 0.999],
] as const;

export async function measureRequests(bench: Bench, fleet: Fleet): Promise<Figure[]> {
  const count = sized(bench, REQUESTS, 50);
  const runs = await repeated(bench, async () => {
    const times: number[] = [];
    for (let i = 0; i < count; i++) times.push(await fleet.request("double", `[${i}]`));
    return times;
  });
  return QUANTILES.map(([name, q]) =>
    figure(
      `one-item job, request to reply, ${name}`,
      "ms",
      runs.map((times) => quantile(times, q)),
    ),
  );
}

/** A job waits; a worker is started; when is the job done? That includes the start of Node. */
async function measureStart(bench: Bench, fleet: Fleet): Promise<Figure> {
  const times = await repeated(bench, () => startToFirstTask(bench, fleet));
  return figure("start of a worker process to the end of its first task", "ms", times);
}

async function startToFirstTask({ shell, signal }: Bench, { client, up }: Fleet): Promise<number> {
  const { env, cwd } = shell;
  const job = await client.submit({ kind: "double", body: "[1,2]", options: { chunk: 1 } });
  const ended = client.outcome(job, { signal });
  const begun = performance.now();
  const args = ["worker", "--server", up.url, "--bare", "--log-level", "error"];
  const worker = forkActor({ entry: ENTRY, args, cwd, env });
  try {
    await Promise.all([ended, worker.ready]);
    const { times } = await ended;
    return times.finished - (performance.timeOrigin + begun);
  } finally {
    worker.stop();
    await worker.ended;
  }
}
