/** The actors of the fleet, asked over the NATS service protocol. */
import type { Client } from "../../actors/client.ts";
import { jsonOf } from "../../actors/json.ts";
import { ACTOR_ROLES, type ActorRole } from "../../domain/fleet.ts";
import type { Names } from "../../protocol/names.ts";

export const SERVICE = {
  dispatcher: "muster-dispatcher",
  worker: "muster-worker",
  aggregator: "muster-aggregator",
} as const satisfies Record<ActorRole, string>;

/** What an actor answers on `$SRV.INFO`, as far as it is read here. */
export interface InfoAnswer {
  name: string;
  id: string;
  version: string;
  metadata: Readonly<Record<string, string>>;
  endpoints: readonly { name: string; subject: string }[];
}

interface StatsAnswer {
  name: string;
  id: string;
  started: string;
  endpoints: readonly { num_requests: number; num_errors: number; processing_time: number }[];
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
    gather<InfoAnswer>(client, "$SRV.INFO"),
    gather<StatsAnswer>(client, `$SRV.STATS.${SERVICE.worker}`),
  ]);
  const ours = infos.filter((info) => isOfFleet(info, names));
  const statsById = new Map(stats.map((each) => [each.id, each]));
  const of = (role: ActorRole) => ours.filter(({ name }) => name === SERVICE[role]).sort(byHost);
  return {
    workers: of("worker").map((info) => workerOf(info, statsById.get(info.id ?? ""))),
    dispatchers: of("dispatcher").map((info) => actorOf("dispatcher", info)),
    aggregators: of("aggregator").map((info) => actorOf("aggregator", info)),
  };
}

async function gather<T>({ broker }: Client, subject: string): Promise<Partial<T>[]> {
  const answers = await broker.gather({ subject }, LIMITS);
  return answers.map((answer) => jsonOf<T>(answer)).filter((answer) => answer !== undefined);
}

/** Fleets with other prefixes may live on the same server; the subjects of the endpoints tell them apart. */
export function isOfFleet({ name, endpoints }: Partial<InfoAnswer>, { prefix }: Names): boolean {
  const isActor = ACTOR_ROLES.some((role) => SERVICE[role] === name);
  return (
    isActor && Array.isArray(endpoints) && endpoints.some(({ subject }) => subject?.startsWith(`${prefix}.`))
  );
}

export function kindsOf({ metadata }: Partial<InfoAnswer>): string[] {
  return (metadata?.kinds ?? "").split(",").filter((kind) => kind !== "");
}

function byHost(a: Partial<InfoAnswer>, b: Partial<InfoAnswer>): number {
  const key = ({ metadata, id }: Partial<InfoAnswer>) => `${metadata?.host} ${id}`;
  return key(a) < key(b) ? -1 : 1;
}

function actorOf<R extends ActorRole>(role: R, info: Partial<InfoAnswer>): Actor & { role: R } {
  const { id = "", version = "", metadata = {} } = info;
  return { id, role, host: metadata.host ?? "", pid: Number(metadata.pid ?? 0), version, started: undefined };
}

function workerOf(info: Partial<InfoAnswer>, stats: Partial<StatsAnswer> | undefined): WorkerView {
  const endpoints = stats?.endpoints ?? [];
  const total = (read: (endpoint: StatsAnswer["endpoints"][number]) => number) =>
    endpoints.reduce((sum, endpoint) => sum + read(endpoint), 0);
  return {
    ...actorOf("worker", info),
    started: stats?.started,
    slots: Number(info.metadata?.slots ?? 0),
    kinds: kindsOf(info),
    items: total((endpoint) => endpoint.num_requests),
    failed: total((endpoint) => endpoint.num_errors),
    handlerMs: Math.round(total((endpoint) => endpoint.processing_time) / NANOS_PER_MS),
  };
}

const NANOS_PER_MS = 1_000_000;
