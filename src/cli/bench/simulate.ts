/** The law for more nodes than there are: the discrete-event model, fed with what a task costs on this machine. */
import { efficiency, idealMs } from "../../domain/scaling/law.ts";
import { simulateJob, type TaskCosts } from "../../domain/scaling/model.ts";
import { startScatter, windowOf } from "../../domain/scatter.ts";
import { median } from "../../domain/statistics.ts";
import type { Fleet } from "./fleet.ts";
import { measureRequests } from "./latency.ts";
import { type Figure, type Findings, figure, type Plot, type Series, shown, type Table } from "./report.ts";
import { type Bench, onFleet } from "./scenario.ts";
import { type Measured, ratePoint, type Study } from "./studies.ts";
import { singleItemTasks } from "./throughput.ts";
import { idealSeries } from "./usl-series.ts";

const NODES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 10_000];
/** Handler times, in milliseconds. */
const ITEM_MS = [1_000, 50, 1];
/** Tasks that each slot runs, one after the other. */
const ROUNDS = 20;
/** A one-item job goes to the server and on four times: request, task, outcome, reply. */
const HOPS = 4;

interface Studied {
  readonly study: Pick<Study, "name" | "over" | "chunk">;
  readonly points: readonly Measured[];
}

/** Measures the costs, then runs the model for the measured points and for nodes. */
export async function simulated(bench: Bench, studied: readonly Studied[]): Promise<Findings> {
  const { costs, figures } = await onFleet(bench, { workers: 2 }, (fleet) => measureCosts(bench, fleet));
  bench.tell(`model: up to ${NODES.at(-1)} nodes`);
  const lines = ITEM_MS.map((itemMs) => ({
    itemMs,
    points: NODES.map((nodes) => modelled(costs, nodes, itemMs)),
  }));
  return {
    figures,
    tables: [...lines.map(tableOf), againstMeasured(costs, studied)],
    plots: [plotOf(lines, studied)],
    facts: { costs, model: lines },
  };
}

// ── costs ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** CPU time is the time of a station that never waits: the most that it can do. */
async function measureCosts(bench: Bench, fleet: Fleet): Promise<{ costs: TaskCosts; figures: Figure[] }> {
  bench.tell("model: what a task costs");
  const { cpu } = await singleItemTasks(bench, fleet);
  const [p50] = await measureRequests(bench, fleet);
  const of = (name: string) =>
    sum(cpu.filter((one) => one.name.startsWith(name)).map((one) => one.median)) / 1_000;
  const costs = {
    dispatcherMs: of("dispatcher"),
    brokerMs: of("nats-server"),
    workerMs: of("worker"),
    aggregatorMs: of("aggregator"),
    hopMs: (p50?.median ?? 0) / HOPS,
  };
  const named = Object.entries(costs).map(([name, ms]) => figure(`model: ${name}`, "ms", [ms]));
  return { costs, figures: named };
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

// ── the model ──────────────────────────────────────────────────────────────────────────────────────────────────

interface Modelled {
  readonly nodes: number;
  readonly items: number;
  readonly ms: number;
  readonly efficiency: number;
  readonly rate: number;
}

/** One slot a node. The window is the one that a dispatcher would keep. */
function modelled(costs: TaskCosts, nodes: number, itemMs: number): Modelled {
  const items = ROUNDS * nodes;
  const ms = simulateJob({ items, itemMs, nodes, slotsPerNode: 1, window: windowFor(nodes, itemMs), costs });
  return {
    nodes,
    items,
    ms,
    efficiency: efficiency({ items, slots: nodes, itemMs }, ms),
    rate: (items / ms) * 1_000,
  };
}

function windowFor(slots: number, itemMs: number): number {
  const limits = { chunk: 1, window: undefined, total: undefined };
  const state = { ...startScatter(limits), gathered: { tasks: 1, items: 1, handlerMs: itemMs, bytes: 1 } };
  return windowOf(state, slots, 1);
}

function tableOf({ itemMs, points }: { itemMs: number; points: readonly Modelled[] }): Table {
  const rows = points.map((point) => {
    const ideal = idealMs({ items: point.items, slots: point.nodes, itemMs });
    return [point.nodes, point.items, ideal, point.ms, point.efficiency, point.rate].map(shown);
  });
  const columns = ["nodes", "N", "ideal ms", "model ms", "efficiency", "items/s"];
  return { title: `model: items of ${itemMs} ms, one slot a node`, columns, rows };
}

/** Does the model tell what was measured? It knows of tasks of one item. */
function againstMeasured(costs: TaskCosts, studied: readonly Studied[]): Table {
  const ofTasks = studied.filter(({ study }) => study.chunk === 1);
  const rows = ofTasks.flatMap(({ study, points }) =>
    points.map(({ load, times }) => {
      const [nodes, slotsPerNode] = study.over === "slots" ? [1, load.slots] : [load.slots, 1];
      const { items, itemMs, slots } = load;
      const ms = simulateJob({ items, itemMs, nodes, slotsPerNode, window: windowFor(slots, itemMs), costs });
      const measured = median(times);
      return [study.name, ...[load.slots, measured, ms, ms / measured].map(shown)];
    }),
  );
  return {
    title: "model, a core for every process, beside what was measured",
    columns: ["study", "P", "measured ms", "model ms", "ratio"],
    rows,
  };
}

function plotOf(
  lines: readonly { itemMs: number; points: readonly Modelled[] }[],
  studied: readonly Studied[],
): Plot {
  const most = NODES.at(-1) ?? 1;
  const models = lines.flatMap(({ itemMs, points }): Series[] => [
    { name: `model, ${itemMs} ms`, style: "line", points: points.map(({ nodes, rate }) => [nodes, rate]) },
    { ...idealSeries(itemMs, most), name: `ideal, ${itemMs} ms` },
  ]);
  const measured = studied.map(({ study, points }): Series => {
    return {
      name: study.name,
      style: "points",
      points: points.map(ratePoint).map(({ n, rate }) => [n, rate]),
    };
  });
  return {
    title: "model and measured",
    x: { label: "nodes (model), slots or processes (measured)", scale: "log" },
    y: { label: "items/s", scale: "log" },
    series: [...models, ...measured],
  };
}
