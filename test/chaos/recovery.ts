/**
 * How long it took until what a killed actor held was in other hands: of a worker its tasks, and of a dispatcher its
 * jobs, until the last of them was delivered to another; of an aggregator its partitions, until the last of them was
 * claimed by another, and that one read its results. What was never taken again, as its job was over, does not count.
 */
import { entriesIn } from "./entries.ts";
import type { Entry, Role } from "./history.ts";

export interface Recovery {
  role: Role;
  ms: number;
  /** A server was away meanwhile, or the one that took over was cut off or asleep. */
  disturbed: boolean;
}

export interface Figures {
  count: number;
  medianMs: number;
  p99Ms: number;
  mostMs: number;
}

interface Death {
  actor: string;
  role: Role;
  at: number;
  /** What it held: queue messages by subject and sequence, partitions by number. */
  held: Set<string>;
}

interface Trouble {
  from: number;
  to: number;
  /** The actor that it befell; undefined: everyone. */
  on: string | undefined;
}

interface Taking {
  at: number;
  by: string;
  /** The partition's results are read again, beyond being claimed. */
  resumed: boolean;
}

export async function recoveriesIn(folder: string): Promise<Recovery[]> {
  const deaths = new Map<string, Death>();
  const troubles: Trouble[] = [];
  for await (const entry of entriesIn(folder)) noteTrouble(entry, deaths, troubles);
  for await (const entry of entriesIn(folder)) noteHolding(entry, deaths);
  const wanted = new Set([...deaths.values()].flatMap(({ held }) => [...held]));
  const takings = new Map<string, Taking[]>();
  for await (const entry of entriesIn(folder)) noteTaking(entry, wanted, takings);
  return [...deaths.values()].flatMap((death) => recoveryOf(death, takings, troubles));
}

export function figuresOf(recoveries: readonly Recovery[]): Figures {
  const sorted = recoveries.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return { count: sorted.length, medianMs: at(0.5), p99Ms: at(0.99), mostMs: at(1) };
}

// ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

const SERVER_FAULTS = new Set(["server-kill", "leader-kill", "rolling-restart", "disk-full", "stream-full"]);

function noteTrouble(entry: Entry, deaths: Map<string, Death>, troubles: Trouble[]): void {
  if (entry.what === "exit" && entry.how === "SIGKILL") {
    const { actor, role, at } = entry;
    deaths.set(actor, { actor, role, at, held: new Set() });
  }
  if (entry.what !== "fault") return;
  const { fault, on, at, lasted } = entry;
  troubles.push({ from: at - lasted, to: at, on: SERVER_FAULTS.has(fault) ? undefined : on });
}

function noteHolding(entry: Entry, deaths: ReadonlyMap<string, Death>): void {
  const held = deaths.get(entry.by ?? "")?.held;
  if (held === undefined || !("key" in entry)) return;
  const key = keyOf(entry.key);
  if (entry.what === "take" || entry.what === "claim") held.add(key);
  if (entry.what === "settle") held.delete(key);
}

function noteTaking(entry: Entry, wanted: ReadonlySet<string>, takings: Map<string, Taking[]>): void {
  if (entry.what !== "take" && entry.what !== "claim" && entry.what !== "resume") return;
  const key = keyOf(entry.key);
  if (!wanted.has(key)) return;
  const known = takings.get(key) ?? [];
  known.push({ at: entry.at, by: entry.by ?? "", resumed: entry.what === "resume" });
  takings.set(key, known);
}

/** `partition.3` and `muster.results.3.*` are the same. */
function keyOf(key: string): string {
  const number = /^(?:partition\.|muster\.results\.)(\d+)/.exec(key)?.[1];
  return number === undefined ? key : `partition ${number}`;
}

// ── reckoning ──────────────────────────────────────────────────────────────────────────────────────────────────

/** An aggregator claims every partition that it has anew within this time, in ms. */
const RECENT_MS = 1_000;

function recoveryOf(
  death: Death,
  takings: ReadonlyMap<string, Taking[]>,
  troubles: readonly Trouble[],
): Recovery[] {
  const again = [...death.held].flatMap((key) => takenAgain(death, takings.get(key) ?? []) ?? []);
  const last = again.sort((a, b) => b.at - a.at)[0];
  if (last === undefined) return [];
  const disturbed = troubles.some(
    ({ from, to, on }) => from < last.at && to > death.at && (on === undefined || on === last.by),
  );
  return [{ role: death.role, ms: last.at - death.at, disturbed }];
}

/** When another had it; undefined where nobody took it, or another had it before. */
function takenAgain({ actor, role, at }: Death, takings: readonly Taking[]): Taking | undefined {
  const others = takings.filter(({ by }) => by !== actor).sort((a, b) => a.at - b.at);
  if (role === "aggregator" && others.some((taking) => taking.at < at && taking.at > at - RECENT_MS))
    return undefined;
  const first = others.find((taking) => taking.at >= at && !taking.resumed);
  if (first === undefined) return undefined;
  // Where it died before it read them, its own death counts.
  return others.find(({ by, resumed, at: when }) => resumed && by === first.by && when >= first.at) ?? first;
}
