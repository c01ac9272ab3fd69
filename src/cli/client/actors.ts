/** The actors of the fleet, asked over the NATS service protocol. */
import { z } from "zod";
import type { Client } from "../../actors/client.ts";
import { jsonOf } from "../../actors/json.ts";
import { ACTOR_ROLES, type ActorRole } from "../../domain/fleet.ts";
import type { Names } from "../../protocol/names.ts";

export const SERVICE = {
  dispatcher: "muster-dispatcher",
  worker: "muster-worker",
  aggregator: "muster-aggregator",
} as const satisfies Record<ActorRole, string>;

/** Services of all kinds answer, and some of them are odd: what is not as it should be is left out. */
const text = z.string().catch("");
const amount = z.number().nonnegative().catch(0);
const listOf = <T extends z.ZodType>(each: T) => z.array(each).catch([]);

/** What an actor answers on `$SRV.INFO`, as far as it is read here. */
const INFO = z.object({
  name: text,
  id: text,
  version: text,
  metadata: z.record(z.string(), text).catch({}),
  endpoints: listOf(z.object({ subject: text })),
});
export type InfoAnswer = z.output<typeof INFO>;

const STATS = z.object({
  id: text,
  started: text,
  endpoints: listOf(z.object({ num_requests: amount, num_errors: amount, processing_time: amount })),
});
type StatsAnswer = z.output<typeof STATS>;

/** The answer in what an actor, or any other service, said. */
export function infoOf(said: unknown): InfoAnswer | undefined {
  return INFO.safeParse(said).data;
}

export interface Actor {
  id: string;
  role: ActorRole;
  host: string;
  pid: number;
  version: string;
  /** When it started, as an ISO date. */
  started: string | undefined;
}

export interface WorkerView extends Actor {
  role: "worker";
  slots: number;
  kinds: string[];
  /** Items that it has run, and of these those that failed for good. */
  items: number;
  failed: number;
  /** Handler time of all of them, in milliseconds. */
  handlerMs: number;
}

export interface FleetView {
  workers: WorkerView[];
  dispatchers: Actor[];
  aggregators: Actor[];
}

/** How long the fleet may take to answer, and how long it may be silent after an answer, in milliseconds. */
const LIMITS = { timeoutMs: 1_500, stallMs: 300 };

/** Asks who is there, and what the workers have done. */
export async function askFleet(client: Client, names: Names): Promise<FleetView> {
  const [infos, stats] = await Promise.all([
    gather(client, "$SRV.INFO", infoOf),
    gather(client, `$SRV.STATS.${SERVICE.worker}`, (said) => STATS.safeParse(said).data),
  ]);
  const ours = infos.filter((info) => isOfFleet(info, names));
  const statsById = new Map(stats.map((each) => [each.id, each]));
  const of = (role: ActorRole) => ours.filter(({ name }) => name === SERVICE[role]).sort(byHost);
  return {
    workers: of("worker").map((info) => workerOf(info, statsById.get(info.id))),
    dispatchers: of("dispatcher").map((info) => actorOf("dispatcher", info)),
    aggregators: of("aggregator").map((info) => actorOf("aggregator", info)),
  };
}

async function gather<T>(
  { broker }: Client,
  subject: string,
  read: (said: unknown) => T | undefined,
): Promise<T[]> {
  const answers = await broker.gather({ subject }, LIMITS);
  return answers.map((answer) => read(jsonOf(answer))).filter((answer) => answer !== undefined);
}

/** Fleets with other prefixes may live on the same server; the subjects of the endpoints tell them apart. */
export function isOfFleet({ name, endpoints }: InfoAnswer, { prefix }: Names): boolean {
  const isActor = ACTOR_ROLES.some((role) => SERVICE[role] === name);
  return isActor && endpoints.some(({ subject }) => subject.startsWith(`${prefix}.`));
}

export function kindsOf({ metadata }: InfoAnswer): string[] {
  return (metadata.kinds ?? "").split(",").filter((kind) => kind !== "");
}

function byHost(a: InfoAnswer, b: InfoAnswer): number {
  const key = ({ metadata, id }: InfoAnswer) => `${metadata.host} ${id}`;
  return key(a) < key(b) ? -1 : 1;
}

function actorOf<R extends ActorRole>(role: R, info: InfoAnswer): Actor & { role: R } {
  const { id, version, metadata } = info;
  return { id, role, host: metadata.host ?? "", pid: numberIn(metadata.pid), version, started: undefined };
}

function workerOf(info: InfoAnswer, stats: StatsAnswer | undefined): WorkerView {
  return {
    ...actorOf("worker", info),
    started: stats?.started || undefined,
    slots: numberIn(info.metadata.slots),
    kinds: kindsOf(info),
    ...countsOf(stats),
  };
}

function numberIn(text = ""): number {
  return Number(text) || 0;
}

/** What a worker has done, of all kinds together. */
export function statsOf(said: unknown): Pick<WorkerView, "items" | "failed" | "handlerMs"> {
  return countsOf(STATS.safeParse(said).data);
}

function countsOf(stats: StatsAnswer | undefined): Pick<WorkerView, "items" | "failed" | "handlerMs"> {
  const endpoints = stats?.endpoints ?? [];
  const total = (read: (endpoint: StatsAnswer["endpoints"][number]) => number) =>
    endpoints.reduce((sum, endpoint) => sum + read(endpoint), 0);
  return {
    items: total((endpoint) => endpoint.num_requests),
    failed: total((endpoint) => endpoint.num_errors),
    handlerMs: Math.round(total((endpoint) => endpoint.processing_time) / NANOS_PER_MS),
  };
}

const NANOS_PER_MS = 1_000_000;
