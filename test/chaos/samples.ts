/** What a fleet takes up at a moment: memory and files of its processes, and what there is at the broker. */
import { readdir, readFile } from "node:fs/promises";
import type { StreamsView } from "./streams-view.ts";

export interface Sample {
  /** By process. */
  memoryMb: Readonly<Record<string, number>>;
  /** Open files, by process. */
  files: Readonly<Record<string, number>>;
  streams: number;
  consumers: number;
  keys: number;
  /** Messages that wait, or are there for work under way. */
  messages: number;
}

/** A process that is there from the first sample to the last. */
export interface Watched {
  name: string;
  pid: number;
}

/** Streams that are empty when there is nothing to do. */
const WORK = ["MUSTER_JOBS", "MUSTER_RESULTS"];
/** What memory may have grown by: heaps are not given back at once. */
const GROWTH = { times: 1.5, mb: 40 };
const GROWN_FILES = 4;

export async function takeSample(view: StreamsView, processes: readonly Watched[]): Promise<Sample> {
  const streams = await view.streams();
  const keys = streams.filter(({ config }) => config.name.startsWith("KV_"));
  const work = streams.filter(({ config }) => WORK.includes(config.name));
  return {
    memoryMb: await byName(processes, memoryOf),
    files: await byName(processes, filesOf),
    streams: streams.length,
    consumers: sum(streams.map(({ state }) => state.consumer_count)),
    keys: sum(keys.map(({ state }) => state.messages)),
    messages: sum(work.map(({ state }) => state.messages)),
  };
}

/** What did not come back to where it began, one sentence each. */
export function growth(before: Sample, after: Sample): string[] {
  const counts = (["streams", "consumers", "keys", "messages"] as const)
    .filter((name) => after[name] > before[name])
    .map((name) => `${name}: ${before[name]} at first, ${after[name]} at last`);
  const memory = grown(before.memoryMb, after.memoryMb, (mb) => mb * GROWTH.times + GROWTH.mb);
  const files = grown(before.files, after.files, (count) => count + GROWN_FILES);
  return [...counts, ...memory.map((line) => `MB of ${line}`), ...files.map((line) => `files of ${line}`)];
}

/** The two samples beside each other, as a Markdown table. */
export function tableOf(before: Sample, after: Sample): string[] {
  const counts = (["streams", "consumers", "keys", "messages"] as const).map(
    (name) => `| ${name} | ${before[name]} | ${after[name]} |`,
  );
  const memory = Object.entries(before.memoryMb).map(
    ([name, mb]) => `| memory of ${name} | ${mb} MB | ${after.memoryMb[name]} MB |`,
  );
  const files = Object.entries(before.files).map(
    ([name, count]) => `| open files of ${name} | ${count} | ${after.files[name]} |`,
  );
  return ["| what there is | before | after |", "| --- | --- | --- |", ...counts, ...memory, ...files];
}

function grown(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
  limitOf: (value: number) => number,
): string[] {
  return Object.entries(before)
    .filter(([name, value]) => (after[name] ?? 0) > limitOf(value))
    .map(([name, value]) => `${name}: ${value} at first, ${after[name]} at last`);
}

async function byName(
  processes: readonly Watched[],
  look: (pid: number) => Promise<number>,
): Promise<Record<string, number>> {
  const found = await Promise.all(processes.map(async ({ name, pid }) => [name, await look(pid)] as const));
  return Object.fromEntries(found);
}

async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024);
}

async function filesOf(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`).catch(() => [])).length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
