/** Creates what a plan names, and checks that the server understood all of it: old servers drop unknown fields silently. */
import { BrokerRefused, TopologyMismatch } from "../../errors.ts";
import type { ConsumerPlan, StreamPlan } from "../port.ts";
import { API_CODE, type JetStreamApi } from "./api.ts";

const NANOS_PER_MS = 1_000_000;

/** A worker fleet's open pull requests; the server's default of 512 cannot be changed later. */
const MAX_WAITING = 8192;

export async function ensureStream(api: JetStreamApi, plan: StreamPlan): Promise<void> {
  const config = streamConfig(plan);
  const answer = await createOrUpdate(
    () => api.ask<{ config: Record<string, unknown> }>(`STREAM.CREATE.${plan.name}`, config),
    () => api.ask<{ config: Record<string, unknown> }>(`STREAM.UPDATE.${plan.name}`, config),
    API_CODE.streamNameInUse,
  );
  checkEcho(`Stream ${plan.name}`, config, answer.config);
}

export async function ensureConsumer(api: JetStreamApi, plan: ConsumerPlan): Promise<void> {
  const config = consumerConfig(plan);
  const ask = (action: "create" | "update") =>
    api.ask<{ config: Record<string, unknown> }>(
      `CONSUMER.CREATE.${plan.stream}.${plan.name}.${plan.filter}`,
      {
        stream_name: plan.stream,
        config,
        action,
      },
    );
  const answer = await createOrUpdate(
    () => ask("create"),
    () => ask("update"),
    API_CODE.consumerExists,
  );
  checkEcho(`Consumer ${plan.name}`, config, answer.config);
}

async function createOrUpdate<T>(
  create: () => Promise<T>,
  update: () => Promise<T>,
  existsCode: number,
): Promise<T> {
  try {
    return await create();
  } catch (error) {
    const exists = error instanceof BrokerRefused && error.brokerCode === existsCode;
    if (!exists) throw error;
    return await update();
  }
}

function streamConfig(plan: StreamPlan): Record<string, unknown> {
  return {
    name: plan.name,
    subjects: plan.subjects,
    retention: plan.retention,
    storage: plan.storage,
    num_replicas: plan.replicas,
    max_bytes: plan.maxBytes,
    max_age: plan.maxAgeMs * NANOS_PER_MS,
    max_msgs_per_subject: plan.maxPerSubject === 0 ? -1 : plan.maxPerSubject,
    discard: plan.discard,
    duplicate_window: plan.duplicateWindowMs * NANOS_PER_MS,
    allow_direct: true,
    allow_atomic: plan.atomicBatches,
    allow_rollup_hdrs: plan.rollup,
    allow_msg_ttl: plan.messageTtl,
  };
}

function consumerConfig(plan: ConsumerPlan): Record<string, unknown> {
  return {
    durable_name: plan.name,
    name: plan.name,
    filter_subject: plan.filter,
    ack_policy: "explicit",
    deliver_policy: "all",
    replay_policy: "instant",
    ack_wait: plan.ackWaitMs * NANOS_PER_MS,
    max_deliver: -1,
    max_ack_pending: plan.maxAckPending,
    max_waiting: MAX_WAITING,
  };
}

/** The server leaves out what is false, and may not know a field at all. */
function checkEcho(what: string, asked: Record<string, unknown>, got: Record<string, unknown>): void {
  for (const [field, value] of Object.entries(asked)) {
    const echoed = got[field] ?? (value === false ? false : undefined);
    if (JSON.stringify(echoed) === JSON.stringify(value)) continue;
    throw new TopologyMismatch(
      what,
      `${field} is ${JSON.stringify(echoed)} where ${JSON.stringify(value)} was asked for; is the server older than 2.12?`,
    );
  }
}
