/**
 * muster beside the ceiling and the alternatives: the same work on the same machine in the same session, taking turns.
 * On a shared machine only the ratios of one round mean something, so those are what it prints.
 *
 *   npm run build && node bench/peers/compare.mjs [--runs 5] [--workers 2] [--size 1] [--json FILE]
 */
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { startCeiling } from "../ceiling/ceiling.mjs";
import * as bullmq from "./bullmq.mjs";
import * as muster from "./muster.mjs";
import * as pool from "./pool.mjs";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    workers: { type: "string", default: "2" },
    size: { type: "string", default: "1" },
    json: { type: "string" },
  },
});
const RUNS = Number(values.runs);
const workers = Number(values.workers);
const sized = (count) => Math.max(50, Math.round(count * Number(values.size)));
const TASKS = sized(50_000);
const ITEMS = sized(2_000_000);
const JOBS = sized(10_000);
const REQUESTS = sized(500);

const { EPHEMERAL, startEmbedded } = await import("../../dist/bootstrap/embedded.js");

/** What is run, in the order of a round; each gives its values by name. */
function turns(peers) {
  const { muster: ours, ceiling, bullmq: bull, pool: python } = peers;
  const rate = async (count, ms) => (count / (await ms)) * 1_000;
  return [
    ["tasks/s", "muster: single-item tasks", () => rate(TASKS, ours.tasks(TASKS))],
    ["tasks/s", "ceiling: single-item tasks", () => rate(TASKS, ceiling.run(TASKS))],
    bull && ["tasks/s", "BullMQ: children of a flow", () => rate(TASKS, bull.flow(TASKS))],
    bull && ["tasks/s", "BullMQ: plain queue", () => rate(TASKS, bull.queue(TASKS))],
    python && ["tasks/s", "Pool.map, chunksize 1", () => rate(TASKS, python.map(TASKS, 1))],
    ["items/s", "muster: automatic chunks, sum", () => rate(ITEMS, ours.items(ITEMS, "sum"))],
    ["items/s", "muster: automatic chunks, collect", () => rate(ITEMS, ours.items(ITEMS, "collect"))],
    python && ["items/s", "Pool.map, its own chunks", () => rate(ITEMS, python.map(ITEMS))],
    ["jobs/s", "muster: one-item jobs at once", () => rate(JOBS, ours.jobs(JOBS))],
    ["ms", "muster: one-item job", () => times(ours.one)],
    bull && ["ms", "BullMQ: one job", () => times(bull.one)],
  ].filter(Boolean);
}

const RATIOS = [
  ["single-item tasks, of the ceiling", "muster: single-item tasks", "ceiling: single-item tasks"],
  ["single-item tasks, of BullMQ's flow", "muster: single-item tasks", "BullMQ: children of a flow"],
  ["single-item tasks, of BullMQ's plain queue", "muster: single-item tasks", "BullMQ: plain queue"],
  ["single-item tasks, of Pool.map with chunksize 1", "muster: single-item tasks", "Pool.map, chunksize 1"],
  ["items in chunks with sum, of Pool.map", "muster: automatic chunks, sum", "Pool.map, its own chunks"],
  [
    "items in chunks with collect, of Pool.map",
    "muster: automatic chunks, collect",
    "Pool.map, its own chunks",
  ],
  ["one-item job p50, of BullMQ's", "muster: one-item job, p50", "BullMQ: one job, p50"],
  ["one-item job p99, of BullMQ's", "muster: one-item job, p99", "BullMQ: one job, p99"],
];

async function times(one) {
  const all = [];
  for (let i = 0; i < REQUESTS; i++) all.push(await one(i));
  all.sort((a, b) => a - b);
  return { p50: all[Math.floor(all.length * 0.5)], p99: all[Math.floor(all.length * 0.99)] };
}

/** Starts what is installed, and names what is not. */
async function startAll() {
  const server = await startEmbedded({ env: process.env, port: -1, data: EPHEMERAL });
  const ceiling = await startCeiling({ url: server.url, workers });
  const peers = {
    muster: await muster.start({ workers }),
    ceiling: { ...ceiling, stop: () => ceiling.stop().then(() => server.stop()) },
  };
  const notRun = [];
  for (const [key, peer] of Object.entries({ bullmq, pool })) {
    const reason = await peer.missing();
    if (reason === undefined) peers[key] = await peer.start({ workers });
    else notRun.push(`${peer.name} was not run: ${reason} (bench/README.md says how to install it)`);
  }
  return { peers, notRun };
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const shown = (value) =>
  value.toLocaleString("en-US", { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 });
const spread = (list) =>
  `${shown(median(list))} (${shown(Math.min(...list))} to ${shown(Math.max(...list))})`;

const found = new Map();
const units = new Map();
function note(name, unit, value) {
  units.set(name, unit);
  found.set(name, [...(found.get(name) ?? []), value]);
}

const loadBefore = loadavg()[0];
const { peers, notRun } = await startAll();
for (let round = 0; round <= RUNS; round++) {
  for (const [unit, name, measure] of turns(peers)) {
    const value = await measure();
    if (round === 0) continue; // It compiles code and fills caches.
    if (typeof value === "number") note(name, unit, value);
    else for (const [quantile, ms] of Object.entries(value)) note(`${name}, ${quantile}`, unit, ms);
  }
  if (round > 0) process.stderr.write(`round ${round} of ${RUNS}\n`);
}
await Promise.all(Object.values(peers).map((peer) => peer.stop()));

console.log(
  `${availableParallelism()} cores (${cpus()[0]?.model}), Node ${process.versions.node}; load ${loadBefore.toFixed(1)} before`,
);
for (const { version, settings } of Object.values(peers)) if (version) console.log(`${version}: ${settings}`);
console.log(
  `${RUNS} rounds, each running all of these in turn: ${TASKS} tasks, ${ITEMS} items, ${JOBS} jobs, ${REQUESTS} requests`,
);
for (const line of notRun) console.log(line);
console.log("\nmedian (least to greatest)");
for (const [name, list] of found) console.log(`  ${name.padEnd(36)} ${spread(list)} ${units.get(name)}`);
console.log("\nratios, round by round: median (least to greatest)");
const ratios = {};
for (const [name, ours, theirs] of RATIOS) {
  const [a, b] = [found.get(ours), found.get(theirs)];
  if (a === undefined || b === undefined) continue;
  ratios[name] = a.map((value, i) => value / b[i]);
  console.log(`  ${name.padEnd(52)} ${spread(ratios[name])}`);
}
if (values.json !== undefined) {
  const versions = Object.values(peers).flatMap(({ version, settings }) =>
    version ? [{ version, settings }] : [],
  );
  writeFileSync(
    values.json,
    `${JSON.stringify({ versions, notRun, loadBefore, found: Object.fromEntries(found), ratios }, null, 2)}\n`,
  );
}
