/**
 * How long it took until what a killed actor held was in other hands: of a worker its tasks, of a dispatcher its jobs,
 * from the kill until the last of them was delivered to another; of an aggregator its partitions, until another read
 * their results. What was never taken again, as its job was over, does not count.
 */
import { entriesIn } from "./entries.ts";
import type { Entry, Role } from "./history.ts";

export interface Recovery {
  role: Role;
  ms: number;
  /** A server was away meanwhile, so that nobody could have taken over. */
  disturbed: boolean;
}

export interface Figures {
  count: number;
  medianMs: number;
  p99Ms: number;
}

interface Death {
  actor: string;
  role: Role;
  at: number;
  /** What it held, as keys under which another takes it. */
  held: Set<string>;
}

interface Span {
  from: number;
  to: number;
}

/** Faults during which nobody can take anything over. */
const SERVER_FAULTS = new Set([
  "server-kill",
  "leader-kill",
  "rolling-restart",
  "disk-full",
  "stream-full",
]);

export async function recoveriesIn(folder: string): Promise<Recovery[]> {
  const deaths = new Map<string, Death>();
  const outages: Span[] = [];
  for await (const entry of entriesIn(folder)) noteDeath(entry, deaths, outages);
  for await (const entry of entriesIn(folder)) noteHolding(entry, deaths);
  const wanted = new Set([...deaths.values()].flatMap(({ held }) => [...held]));
  const taken = new Map<string, { at: number; by: string }[]>();
  for await (const entry of entriesIn(folder)) noteTaken(entry, wanted, taken);
  return [...deaths.values()].flatMap((death) => recoveryOf(death, taken, outages));
}

export function figuresOf(recoveries: readonly Recovery[]): Figures {
  const sorted = recoveries.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return { count: sorted.length, medianMs: at(0.5), p99Ms: at(0.99) };
}

function noteDeath(entry: Entry, deaths: Map<string, Death>, outages: Span[]): void {
  if (entry.what === "exit" && entry.how === "SIGKILL") {
    const { actor, role, at } = entry;
    deaths.set(actor, { actor, role, at, held: new Set() });
  }
  if (entry.what === "fault" && SERVER_FAULTS.has(entry.fault))
    outages.push({ from: entry.at - entry.lasted, to: entry.at });
}

function noteHolding(entry: Entry, deaths: ReadonlyMap<string, Death>): void {
  const death = deaths.get(entry.by ?? "");
  if (death === undefined) return;
  if (entry.what === "take") death.held.add(entry.key);
  if (entry.what === "claim") death.held.add(partitionKey(entry.key));
  if (entry.what === "settle") {
    death.held.delete(entry.key);
    death.held.delete(partitionKey(entry.key));
  }
}

function noteTaken(
  entry: Entry,
  wanted: ReadonlySet<string>,
  taken: Map<string, { at: number; by: string }[]>,
): void {
  if (entry.what !== "take" && entry.what !== "resume") return;
  const key = entry.what === "take" ? entry.key : partitionKey(entry.key);
  if (!wanted.has(key)) return;
  const takes = taken.get(key) ?? [];
  takes.push({ at: entry.at, by: entry.by ?? "" });
  taken.set(key, takes);
}

function recoveryOf(
  { actor, role, at, held }: Death,
  taken: ReadonlyMap<string, { at: number; by: string }[]>,
  outages: readonly Span[],
): Recovery[] {
  const again = [...held].flatMap((key) => {
    const others = (taken.get(key) ?? []).filter((take) => take.by !== actor);
    // A partition that another had taken over before is no longer missed.
    const isGone = role === "aggregator" && others.some((take) => take.at < at && take.at > at - RECENT_MS);
    const after = others.filter((take) => take.at >= at).map((take) => take.at - at);
    return isGone || after.length === 0 ? [] : [Math.min(...after)];
  });
  if (again.length === 0) return [];
  const ms = Math.max(...again);
  const disturbed = outages.some(({ from, to }) => from < at + ms && to > at);
  return [{ role, ms, disturbed }];
}

/** An aggregator claims every partition it has anew within this time, in ms. */
const RECENT_MS = 1_000;

/** `partition.3` and `muster.results.3.*` are the same. */
function partitionKey(key: string): string {
  const number = /^(?:partition\.|muster\.results\.)(\d+)/.exec(key)?.[1];
  return number === undefined ? key : `partition ${number}`;
}
