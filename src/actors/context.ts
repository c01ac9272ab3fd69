/** What every actor is given. */
import type { Broker } from "../broker/port.ts";
import type { TopologyOptions } from "../broker/topology.ts";
import type { Compression } from "../protocol/compression.ts";
import type { Names } from "../protocol/names.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Events } from "../telemetry/events.ts";

export interface ActorContext {
  /** This actor's id, unique in the fleet. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly broker: Broker;
  readonly names: Names;
  readonly topology: TopologyOptions;
  /** Partitions of the results; the same for every actor. */
  readonly partitions: number;
  /** How large bodies are stored. @default "none" */
  readonly compression?: Compression;
  readonly clock: Clock;
  /** Random numbers in [0, 1). */
  readonly random: () => number;
  readonly events: Events;
  /** The version that service answers carry. */
  readonly version: string;
}
