/** The streams, consumers and buckets of muster, as data. */
import { type Names, PRIORITIES } from "../protocol/names.ts";
import type { ConsumerPlan, StreamPlan, TopologyPlan } from "./port.ts";

export interface TopologyOptions {
  names: Names;
  /** Copies of each stream in a cluster: 1 or 3. @default 1 */
  replicas: number;
  storage: "file" | "memory";
  /** Lease of a task, in milliseconds: how soon the tasks of a dead worker run elsewhere. */
  leaseMs: number;
  /** Lease of a job: how soon the jobs of a dead dispatcher are taken over. */
  jobLeaseMs: number;
  /** Bytes that all streams together may take; each gets a share. */
  maxBytes: number;
  /** How long outcomes are kept, in milliseconds. @default 24 h */
  outcomeTtlMs: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Consumers may have this many messages out; the server's own default of 1000 would throttle large fleets. */
const MAX_ACK_PENDING = 100_000;

export function topologyOf(options: TopologyOptions): TopologyPlan {
  return {
    streams: streamsOf(options),
    consumers: [jobConsumer(options)],
    buckets: [{ name: options.names.leases, ...kept(options), ttlMs: 0 }],
    objectBuckets: [options.names.inputs, options.names.outputs].map((name) => ({
      name,
      ...kept(options),
      ttlMs: options.outcomeTtlMs,
      maxBytes: share(options, 0.25),
    })),
  };
}

/** The durable consumer from which all workers of a kind take tasks of one priority. */
export function taskConsumer(
  options: TopologyOptions,
  kind: string,
  priority: (typeof PRIORITIES)[number],
): ConsumerPlan {
  return {
    stream: options.names.stream("tasks"),
    name: options.names.taskConsumer(kind, priority),
    filter: options.names.taskFilter(kind, priority),
    ackWaitMs: options.leaseMs,
    maxAckPending: MAX_ACK_PENDING,
  };
}

export const JOB_CONSUMER = "dispatchers";

function jobConsumer(options: TopologyOptions): ConsumerPlan {
  return {
    stream: options.names.stream("jobs"),
    name: JOB_CONSUMER,
    filter: options.names.jobs("*"),
    ackWaitMs: options.jobLeaseMs,
    maxAckPending: MAX_ACK_PENDING,
  };
}

function kept(options: TopologyOptions): Pick<StreamPlan, "storage" | "replicas"> {
  return { storage: options.storage, replicas: options.replicas };
}

function share(options: TopologyOptions, part: number): number {
  return Math.floor(options.maxBytes * part);
}

function streamsOf(options: TopologyOptions): StreamPlan[] {
  const { names } = options;
  const { prefix } = names;
  const queue = { retention: "workqueue", discard: "new" } as const;
  const plain = {
    ...kept(options),
    retention: "limits",
    discard: "new",
    maxAgeMs: 0,
    maxPerSubject: 0,
    atomicBatches: false,
    rollup: false,
    messageTtl: false,
    duplicateWindowMs: 2 * MINUTE,
  } as const;
  return [
    {
      ...plain,
      ...queue,
      name: names.stream("jobs"),
      subjects: [`${prefix}.jobs.*`],
      maxBytes: share(options, 0.1),
    },
    {
      ...plain,
      ...queue,
      name: names.stream("tasks"),
      subjects: [`${prefix}.tasks.*.*.*`, `${prefix}.cursors.*`],
      maxBytes: share(options, 0.15),
      atomicBatches: true,
      rollup: true,
      messageTtl: true,
    },
    {
      ...plain,
      name: names.stream("results"),
      subjects: [`${prefix}.results.*.*`],
      maxBytes: share(options, 0.15),
    },
    {
      ...plain,
      name: names.stream("outcomes"),
      subjects: [`${prefix}.outcomes.*`, `${prefix}.checkpoints.>`, `${prefix}.deaths.*.*`],
      maxBytes: share(options, 0.05),
      maxPerSubject: 1,
      atomicBatches: true,
      messageTtl: true,
    },
    {
      ...plain,
      name: names.stream("events"),
      subjects: [`${prefix}.events.*.*`],
      discard: "old",
      maxAgeMs: 24 * HOUR,
      maxBytes: share(options, 0.02),
    },
    {
      ...plain,
      name: names.stream("dead"),
      subjects: [`${prefix}.dead.*.*`],
      discard: "old",
      maxAgeMs: 7 * 24 * HOUR,
      maxBytes: share(options, 0.03),
    },
  ];
}

/** The consumers of one kind: one a priority, since filters of a work queue must not overlap. */
export function taskConsumers(options: TopologyOptions, kind: string): ConsumerPlan[] {
  return PRIORITIES.map((priority) => taskConsumer(options, kind, priority));
}
