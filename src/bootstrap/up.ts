/** Everything at once: a nats-server unless one is given, and all actors as processes of their own. */
import { availableParallelism } from "node:os";
import type { ActorRole } from "../domain/fleet.ts";
import { Releasers } from "../runtime/releasers.ts";
import type { ConnectionSettings } from "./connection.ts";
import {
  connectionTo,
  type EmbeddedOptions,
  type EmbeddedServer,
  type ServerEvent,
  startEmbedded,
} from "./embedded.ts";
import type { Environment } from "./environment.ts";
import { joinFleet } from "./node.ts";
import type { FleetSettingsInput } from "./settings.ts";
import { type ChildEvent, type ChildPlan, type SupervisedChild, Supervisor } from "./supervisor.ts";

export interface UpOptions {
  /** muster's own main file: the actors are processes that run it. */
  entry: string;
  env: Environment;
  cwd: string;
  /** A server to start, or how to connect to one that runs: as settings, and as flags for the actors. */
  broker:
    | ({ type: "embedded" } & Omit<EmbeddedOptions, "env" | "signal" | "onEvent">)
    | { type: "given"; connection: ConnectionSettings; flags: readonly string[] };
  prefix?: string | undefined;
  settings?: FleetSettingsInput;
  reconfigure?: boolean;
  /** @default one dispatcher, one aggregator, and as many workers as the machine has cores */
  counts?: Partial<Record<ActorRole, number | undefined>>;
  /** Chunks that one worker runs at once. @default 1 */
  slots?: number | undefined;
  /** Handler modules, relative to `cwd`. */
  handlers?: readonly string[];
  /** @default "warn" */
  logLevel?: string | undefined;
  onEvent?: (event: UpEvent) => void;
  /** Ends the start; what was started by then is stopped. */
  signal?: AbortSignal | undefined;
}

/** What becomes of what was brought up. */
export type UpEvent = ChildEvent | ServerEvent;

/** What was brought up. */
export interface Up {
  readonly url: string;
  readonly connection: ConnectionSettings;
  /** The server that was started, unless one was given. */
  readonly server: EmbeddedServer | undefined;
  readonly children: readonly SupervisedChild[];
  readonly counts: Readonly<Record<ActorRole, number>>;
  readonly slots: number;
  /** Ends all in good order: workers, dispatchers, aggregators, the server. */
  stop(): Promise<void>;
  /** Ends all at once; may be called while `stop()` waits. */
  abort(): Promise<void>;
}

/**
 * Starts a broker, unless one is given, and all actors; resolves when all take part.
 * @throws what keeps any of them from starting; nothing is left running then
 */
export async function bringUp(options: UpOptions): Promise<Up> {
  const releasers = new Releasers();
  try {
    const broker = await brokerOf(options, releasers);
    await makeReady(options, broker);
    const supervisor = new Supervisor(plansOf(options, broker), options.onEvent ?? (() => {}));
    releasers.defer(() => supervisor.abort());
    await abortable(supervisor.start(), options.signal);
    return upOf(options, broker, supervisor);
  } catch (error) {
    await releasers.release();
    throw error;
  }
}

interface BrokerInUse {
  connection: ConnectionSettings;
  server: EmbeddedServer | undefined;
  /** How the actors are told to connect. */
  flags: readonly string[];
}

async function brokerOf(
  { broker, env, signal, onEvent }: UpOptions,
  releasers: Releasers,
): Promise<BrokerInUse> {
  if (broker.type === "given")
    return { connection: broker.connection, server: undefined, flags: broker.flags };
  const server = await startEmbedded({ ...broker, env, signal, onEvent });
  releasers.defer(() => server.stop());
  return {
    connection: await connectionTo(server.url),
    server,
    flags: ["--server", server.url, "--bare"],
  };
}

/** Settles what concerns all before the first actor starts: settings, streams, and whether the broker is fit. */
async function makeReady(options: UpOptions, { connection, server }: BrokerInUse): Promise<void> {
  const { prefix, settings = {}, reconfigure = false, signal } = options;
  const asked = server?.ephemeral === true ? { ...fitting(server), ...settings } : settings;
  const node = await joinFleet({
    connection,
    settings: asked,
    reconfigure,
    ...(prefix === undefined ? {} : { prefix }),
  });
  await node.close();
  signal?.throwIfAborted();
}

/** What streams may take by default, unless the disk is smaller. */
export function fitting({ maxStore }: Pick<EmbeddedServer, "maxStore">): FleetSettingsInput {
  const least = 64 * 1024 * 1024;
  return { maxBytes: Math.max(least, Math.min(4 * 1024 ** 3, Math.floor(maxStore * 0.9))) };
}

function plansOf(options: UpOptions, { flags }: BrokerInUse): ChildPlan[] {
  const { entry, env, cwd, prefix, logLevel = "warn", handlers = [] } = options;
  const common = [...flags, "--log-level", logLevel, ...(prefix === undefined ? [] : ["--prefix", prefix])];
  const modules = handlers.length === 0 ? [] : ["--handlers", ...handlers];
  const slots = ["--slots", String(options.slots ?? 1)];
  const more: Record<ActorRole, string[]> = {
    dispatcher: [],
    aggregator: modules,
    worker: [...slots, ...modules],
  };
  const counts = countsOf(options);
  const roles: ActorRole[] = ["dispatcher", "aggregator", "worker"];
  return roles.flatMap((role) =>
    Array.from({ length: counts[role] }, (_, index) => {
      const name = counts[role] === 1 ? role : `${role} ${index + 1}`;
      return { name, role, entry, env, cwd, args: [role, ...common, ...more[role]] };
    }),
  );
}

function countsOf({ counts = {} }: UpOptions): Record<ActorRole, number> {
  const { dispatcher = 1, aggregator = 1, worker = availableParallelism() } = counts;
  return { dispatcher, aggregator, worker };
}

function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.finally(() => signal.removeEventListener("abort", onAbort)).then(resolve, reject);
  });
}

function upOf(options: UpOptions, { connection, server }: BrokerInUse, supervisor: Supervisor): Up {
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    await supervisor.stop();
    await server?.stop();
  };
  const stopOnce = () => {
    stopped ??= stop();
    return stopped;
  };
  return {
    url: server?.url ?? connection.servers.join(","),
    connection,
    server,
    children: supervisor.children,
    counts: countsOf(options),
    slots: options.slots ?? 1,
    stop: stopOnce,
    abort: async () => {
      await supervisor.abort();
      await stopOnce();
    },
  };
}
