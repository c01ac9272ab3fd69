/**
 * Fuzzes everything that decodes: `npm run fuzz -- --inputs 1000000 --seed 7`, `--target submission,json`.
 *
 * The inputs run in a thread; this one looks whether it comes on. What is found is made smaller, shown, and kept in
 * test/fuzz/regressions, where the tests run it again.
 */
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { keep } from "../test/fuzz/regressions.ts";
import { type Finding, fuzz, Inputs, type Tally } from "../test/fuzz/session.ts";
import type { Target } from "../test/fuzz/target.ts";
import { TARGETS } from "../test/fuzz/targets/index.ts";

const USAGE = "npm run fuzz -- [--inputs N] [--seed S] [--target a,b] [--discard]";
/** An input that takes more hangs: CPU time, as the machine may be busy, or time by the clock where none is used. */
const HANG = { cpuMs: 10_000, ms: 180_000 };
/** How often to look whether the thread comes on, in milliseconds. */
const LOOK_MS = 1_000;

const HEAD =
  "| target | inputs | valid | refused | findings | CPU seconds | a CPU second | slowest, ms |\n|---|---|---|---|---|---|---|---|";

interface Orders {
  /** In this order; a tally of each is posted. */
  targets: readonly string[];
  seed: number;
  /** Inputs a target. */
  count: number;
  /** Where the thread counts its inputs, and writes the number of the one that it is at. */
  at: Int32Array;
}

if (isMainThread) await main();
else await work(workerData as Orders);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      inputs: { type: "string", default: "100000" },
      seed: { type: "string", default: "1" },
      target: { type: "string" },
      discard: { type: "boolean", default: false },
    },
  });
  const targets = named(values.target);
  const [seed, inputs] = [Number(values.seed), Number(values.inputs)];
  if (targets === undefined || !Number.isSafeInteger(seed) || !(inputs > 0)) return fail(USAGE);
  console.log(HEAD);
  const tallies: Tally[] = [];
  const onTally = (tally: Tally) => {
    tallies.push(tally);
    console.log(line(tally));
    for (const finding of tally.findings) show(finding, values.discard);
  };
  const count = Math.ceil(inputs / targets.length);
  // A thread that hangs is ended, and another goes on with the targets that are left.
  while (tallies.length < targets.length)
    await inThread({ targets: targets.slice(tallies.length).map(({ name }) => name), seed, count }, onTally);
  sumUp(tallies, seed);
}

function named(list: string | undefined): Target[] | undefined {
  if (list === undefined) return [...TARGETS];
  const found = list.split(",").map((name) => TARGETS.find((target) => target.name === name));
  const known = found.filter((target) => target !== undefined);
  return known.length === found.length ? known : undefined;
}

/** Runs targets in a thread, until they are through or it hangs. */
function inThread(orders: Omit<Orders, "at">, onTally: (tally: Tally) => void): Promise<void> {
  const at = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL(import.meta.url), { workerData: { ...orders, at } satisfies Orders });
  let done = 0;
  let last = stand(at);
  return new Promise((resolve, reject) => {
    const watch = setInterval(() => {
      const now = stand(at);
      if (now.inputs !== last.inputs || now.inputs === 0) last = now;
      else if (now.cpuMs - last.cpuMs > HANG.cpuMs || now.ms - last.ms > HANG.ms) onEnd("it hangs");
    }, LOOK_MS);
    worker.on("message", (tally: Tally) => {
      onTally(tally);
      if (++done === orders.targets.length) onEnd();
    });
    worker.once("error", (error) => onEnd(`it ended the thread: ${error}`));

    function onEnd(fault?: string): void {
      clearInterval(watch);
      const target = orders.targets[done];
      if (fault !== undefined && target !== undefined)
        onTally(lost({ target, seed: orders.seed, number: Atomics.load(at, 1) }, fault));
      worker.terminate().then(() => resolve(), reject);
    }
  });
}

/** How many inputs the thread has begun, and when. */
function stand(at: Int32Array): { inputs: number; cpuMs: number; ms: number } {
  const { user, system } = process.cpuUsage();
  return { inputs: Atomics.load(at, 0), cpuMs: (user + system) / 1_000, ms: performance.now() };
}

/** What is known of a target whose thread is gone. */
function lost({ target, seed, number }: Pick<Finding, "target" | "seed" | "number">, what: string): Tally {
  const [found] = named(target) ?? [];
  const input = found === undefined ? {} : new Inputs(found, seed).at(number);
  const finding = { target, seed, number, what, input };
  return { target, inputs: number + 1, valid: 0, refused: 0, cpuMs: 0, slowestMs: 0, findings: [finding] };
}

async function work({ targets, seed, count, at }: Orders): Promise<void> {
  const onInput = (number: number) => {
    Atomics.add(at, 0, 1);
    Atomics.store(at, 1, number);
  };
  for (const target of named(targets.join(",")) ?? [])
    parentPort?.postMessage(await fuzz(target, { seed, inputs: count, onInput }));
}

function line({ target, inputs, valid, refused, cpuMs, slowestMs, findings }: Tally): string {
  const speed = Math.round(inputs / Math.max(0.001, cpuMs / 1_000));
  const numbers = [
    inputs,
    valid,
    refused,
    findings.length,
    (cpuMs / 1_000).toFixed(1),
    speed,
    slowestMs.toFixed(1),
  ];
  return `| ${target} | ${numbers.join(" | ")} |`;
}

function show({ target, seed, number, what, input }: Finding, discard: boolean): void {
  const path = discard ? "" : `kept as ${keep({ target, seed, number, what, input })}`;
  console.log(
    `\n${target}, seed ${seed}, input ${number}: ${what}\n${JSON.stringify(input).slice(0, 2_000)}\n${path}\n`,
  );
}

function sumUp(tallies: readonly Tally[], seed: number): void {
  const total = (of: (tally: Tally) => number) => tallies.reduce((sum, tally) => sum + of(tally), 0);
  const findings = total((tally) => tally.findings.length);
  const seconds = (total(({ cpuMs }) => cpuMs) / 1_000).toFixed(1);
  console.log(
    `seed ${seed}: ${total(({ inputs }) => inputs)} inputs, ${findings} findings, ${seconds} s of CPU time`,
  );
  if (findings > 0) process.exitCode = 1;
}

function fail(why: string): void {
  console.log(why);
  process.exitCode = 2;
}
