/** A node's tie to the fleet: the connection, the settings in force, and the streams. */
import { hostname } from "node:os";
import type { ActorContext } from "../actors/context.ts";
import { connectJetStream } from "../broker/jetstream/index.ts";
import type { Broker } from "../broker/port.ts";
import { topologyOf } from "../broker/topology.ts";
import { NoFleet } from "../errors.ts";
import { Names } from "../protocol/names.ts";
import { systemClock } from "../runtime/clock.ts";
import { randomId } from "../runtime/id.ts";
import { Events } from "../telemetry/events.ts";
import type { ConnectionSettings } from "./connection.ts";
import {
  agreeOnSettings,
  type FleetSettings,
  type FleetSettingsInput,
  settingsInForce,
  topologyOptions,
} from "./settings.ts";
import { VERSION } from "./version.ts";

/** How to join a fleet. */
export interface NodeOptions {
  connection: ConnectionSettings;
  /** Subject prefix. @default "muster" */
  prefix?: string;
  /** Settings asked for expressly; the others are the fleet's. */
  settings?: FleetSettingsInput;
  reconfigure?: boolean;
  /**
   * Actors see to it that settings, streams and buckets are there; callers find them, and change nothing.
   * @default "actor"
   */
  as?: "actor" | "caller";
  /** Stands between this node and its broker; chaos tests make processes die there, at named points. */
  decorate?: (broker: Broker) => Broker;
}

/** A node's tie to its fleet, which its actors share. */
export interface Node {
  readonly broker: Broker;
  /** What all actors of the fleet agreed on. */
  readonly settings: FleetSettings;
  /** What its actors tell. */
  readonly events: Events;
  /** A context for one actor; `id` is made up unless it is given. */
  context(role: string, id?: string): ActorContext;
  /** Leaves: its actors are to be stopped before. */
  close(): Promise<void>;
}

/**
 * Connects, agrees on the settings, and sees to it that the streams are there.
 * @throws BrokerUnreachable, BrokerTooOld, JetStreamUnavailable, PermissionDenied, InvalidConfig, TopologyMismatch, NoFleet
 *
 * @example
 * import { joinFleet, resolveConnection } from "muster/actors";
 *
 * const node = await joinFleet({ connection: await resolveConnection({}, process.env), prefix: "night" });
 * node.settings.lease; // 10000
 * await node.close();
 */
export async function joinFleet({
  connection,
  decorate = (broker) => broker,
  ...options
}: NodeOptions): Promise<Node> {
  const broker = await connectJetStream({
    servers: connection.servers,
    options: connection.options,
    domain: connection.jetstreamDomain,
    inboxPrefix: connection.inboxPrefix,
  });
  return await joinOver(decorate(broker), options);
}

/** {@link joinFleet} over a broker that is connected; closes it where that fails. */
export async function joinOver(
  broker: Broker,
  options: Omit<NodeOptions, "connection" | "decorate">,
): Promise<Node> {
  const { prefix = "muster", as = "actor" } = options;
  const names = new Names(prefix);
  try {
    const settings = as === "actor" ? await settle(broker, names, options) : await find(broker, names);
    const topology = topologyOptions(names, settings);
    if (as === "actor") await broker.ensure(topologyOf(topology));
    return nodeOf({ broker, settings, names, topology });
  } catch (error) {
    await broker.close();
    throw error;
  }
}

async function settle(
  broker: Broker,
  names: Names,
  { settings = {}, reconfigure = false }: Pick<NodeOptions, "settings" | "reconfigure">,
) {
  return await agreeOnSettings({ broker, names }, settings, reconfigure);
}

/** @throws NoFleet */
async function find(broker: Broker, names: Names): Promise<FleetSettings> {
  const settings = await settingsInForce({ broker, names });
  if (settings === undefined) throw new NoFleet(broker.label, names.prefix);
  return settings;
}

function nodeOf(
  parts: Pick<ActorContext, "broker" | "names" | "topology"> & { settings: FleetSettings },
): Node {
  const { broker, settings, names, topology } = parts;
  const events = new Events();
  broker.onStatus((status) => {
    const detail =
      "server" in status ? status.server : "subject" in status ? `${status.operation} ${status.subject}` : "";
    events.emit("broker.status", { status: status.type, detail });
  });
  const context = (role: string, id = `${role}-${randomId().slice(0, 8)}`): ActorContext => ({
    id,
    host: hostname(),
    pid: process.pid,
    broker,
    names,
    topology,
    partitions: settings.partitions,
    compression: settings.compression,
    clock: systemClock,
    random: Math.random,
    events,
    version: VERSION,
  });
  return { broker, settings, events, context, close: () => broker.close() };
}
