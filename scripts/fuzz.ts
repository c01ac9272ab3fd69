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
/** An input that takes longer hangs, in milliseconds: hundreds of times the slowest. */
const HANG_MS = 10_000;

interface Orders {
  target: string;
  seed: number;
  count: number;
  /** Where the thread writes the number of the input that it is at. */
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
  const tallies: Tally[] = [];
  for (const { name } of targets) {
    const tally = await inThread({ target: name, seed, count: Math.ceil(inputs / targets.length) });
    tallies.push(tally);
    console.log(line(tally));
    for (const finding of tally.findings) show(finding, values.discard);
  }
  sumUp(tallies, seed);
}

function named(list: string | undefined): Target[] | undefined {
  if (list === undefined) return [...TARGETS];
  const found = list.split(",").map((name) => TARGETS.find((target) => target.name === name));
  const known = found.filter((target) => target !== undefined);
  return known.length === found.length ? known : undefined;
}

/** Runs a target in a thread; one that hangs is ended, and counts as a finding. */
function inThread(orders: Omit<Orders, "at">): Promise<Tally> {
  const at = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL(import.meta.url), { workerData: { ...orders, at } satisfies Orders });
  return new Promise((resolve, reject) => {
    let before = -1;
    const watch = setInterval(() => {
      const now = Atomics.load(at, 0);
      if (now === before) end(lost(orders, now, `no end within ${HANG_MS} ms`));
      before = now;
    }, HANG_MS);
    worker.once("message", end);
    worker.once("error", (error) => end(lost(orders, Atomics.load(at, 0), `it ended the thread: ${error}`)));

    function end(tally: Tally): void {
      clearInterval(watch);
      worker.terminate().then(() => resolve(tally), reject);
    }
  });
}

function lost({ target, seed }: Omit<Orders, "at">, number: number, what: string): Tally {
  const [found] = named(target) ?? [];
  const input = found === undefined ? {} : new Inputs(found, seed).at(number);
  const finding = { target, seed, number, what, input };
  return { target, inputs: number + 1, valid: 0, refused: 0, ms: 0, slowestMs: 0, findings: [finding] };
}

async function work({ target, seed, count, at }: Orders): Promise<void> {
  const [found] = named(target) ?? [];
  if (found === undefined) return;
  parentPort?.postMessage(
    await fuzz(found, { seed, count, onInput: (number) => Atomics.store(at, 0, number) }),
  );
}

function line({ target, inputs, valid, refused, ms, slowestMs, findings }: Tally): string {
  const speed = Math.round(inputs / Math.max(0.001, ms / 1_000));
  const numbers = [
    inputs,
    valid,
    refused,
    findings.length,
    (ms / 1_000).toFixed(1),
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
  const seconds = (total(({ ms }) => ms) / 1_000).toFixed(1);
  console.log(`seed ${seed}: ${total(({ inputs }) => inputs)} inputs, ${findings} findings, ${seconds} s`);
  if (findings > 0) process.exitCode = 1;
}

function fail(why: string): void {
  console.log(why);
  process.exitCode = 2;
}
