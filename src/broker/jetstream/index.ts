/** The JetStream adapter of the broker port. */
import { type JetStreamClient, jetstream } from "@nats-io/jetstream";
import {
  connect,
  createInbox,
  errors,
  type NatsConnection,
  type NodeConnectionOptions,
  nuid,
  type Status,
} from "nats";
import {
  BrokerRefused,
  BrokerTooOld,
  BrokerUnreachable,
  JetStreamUnavailable,
  PermissionDenied,
  RequestFailed,
} from "../../errors.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type {
  Broker,
  BrokerStatus,
  Bucket,
  ConsumeOptions,
  ConsumerPlan,
  ConsumerState,
  Consumption,
  GatherOptions,
  Headers,
  InMessage,
  ObjectBucket,
  OutMessage,
  RequestOptions,
  Stored,
  StoreMessage,
  StreamMessage,
  StreamState,
  Subscription,
  Tail,
  TailOptions,
  TopologyPlan,
} from "../port.ts";
import { ensureConsumer, ensureStream } from "./admin.ts";
import { API_CODE, JetStreamApi, requestError } from "./api.ts";
import { type Ground, JetStreamConsumption, JetStreamTail, type Restartable } from "./consumption.ts";
import { gather } from "./gather.ts";
import { CoreMessage, fromDirectAnswer, fromStoredAnswer, type StoredAnswer } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { Publisher } from "./publisher.ts";
import { ensureBucket, ensureObjectBucket, openBucket, openObjects } from "./stores.ts";
import { checkOpen, optionsOf, toWire } from "./wire.ts";

export interface JetStreamOptions {
  servers: string[];
  /** Credentials, TLS and whatever else the client library takes. */
  options?: NodeConnectionOptions;
  clock?: Clock;
  /** JetStream domain, for leaf nodes. */
  domain?: string | undefined;
  /** Prefix of the subjects on which answers come back, for tight permissions. @default "_INBOX" */
  inboxPrefix?: string | undefined;
  /** How long a pull request stays open at the server, in milliseconds. @default 30000 */
  pullExpiresMs?: number;
  /** How long the server may take to acknowledge or answer, in milliseconds. @default 5000 */
  timeoutMs?: number;
}

/** Level 2 came with nats-server 2.12: atomic batches, message TTL, filtered purges that consumers survive. */
const MIN_API_LEVEL = 2;
/** No message with that sequence: 10037 says so of a look, 10043 and 10057 of a removal. */
const GONE = new Set<number>([API_CODE.noMessage, 10043, 10057]);
export const MIN_SERVER = "2.12.15, 2.14.5 or newer";

/**
 * Connects to a NATS server with JetStream.
 * @throws BrokerUnreachable, BrokerTooOld, JetStreamUnavailable, PermissionDenied
 */
export async function connectJetStream(options: JetStreamOptions): Promise<Broker> {
  const label = options.servers.map(withoutPassword).join(",");
  const nc = await open(options, label);
  try {
    checkServer(nc);
  } catch (error) {
    await nc.close();
    throw error;
  }
  return new JetStreamBroker(nc, label, options);
}

async function open(options: JetStreamOptions, label: string): Promise<NatsConnection> {
  const { inboxPrefix } = options;
  try {
    return await connect({
      ...options.options,
      servers: options.servers,
      ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    });
  } catch (error) {
    if (error instanceof errors.AuthorizationError)
      throw new PermissionDenied("the credentials.", { cause: error });
    throw new BrokerUnreachable(label, `${error instanceof Error ? error.message : String(error)}.`, {
      cause: error,
    });
  }
}

function withoutPassword(server: string): string {
  return server.replace(/\/\/[^@/]*@/, "//");
}

/** The client library's type leaves out what the server says of JetStream. */
interface JetStreamInfo {
  version: string;
  jetstream?: boolean;
  api_lvl?: number;
}

function checkServer(nc: NatsConnection): void {
  const info = nc.info as JetStreamInfo | undefined;
  if ((info?.api_lvl ?? 0) >= MIN_API_LEVEL) return;
  // A server of any age says its version; one without JetStream says no level.
  if (info !== undefined && info.jetstream !== true && isRecent(info.version)) {
    throw new JetStreamUnavailable(`nats-server ${info.version} runs without it.`);
  }
  throw new BrokerTooOld(info?.version ?? "unknown", MIN_SERVER);
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 2 || (major === 2 && minor >= 12);
}

class JetStreamBroker implements Broker {
  readonly label: string;
  readonly #nc: NatsConnection;
  readonly #outbox: Outbox;
  readonly #js: JetStreamClient;
  readonly #api: JetStreamApi;
  readonly #ground: Ground;
  readonly #publisher: Publisher;
  readonly #inboxPrefix: string | undefined;
  readonly #plans = new Map<string, ConsumerPlan>();
  readonly #restartables = new Set<Restartable>();
  readonly #listeners = new Set<(status: BrokerStatus) => void>();
  #closing = false;

  constructor(nc: NatsConnection, label: string, options: JetStreamOptions) {
    const { domain, inboxPrefix, clock = systemClock, timeoutMs = 5_000, pullExpiresMs = 30_000 } = options;
    this.label = label;
    this.#nc = nc;
    const outbox = new Outbox(nc);
    this.#outbox = outbox;
    this.#inboxPrefix = inboxPrefix;
    this.#js = jetstream(nc, domain === undefined ? {} : { domain });
    this.#api = new JetStreamApi(nc, { domain, timeoutMs, outbox });
    this.#publisher = new Publisher({ nc, outbox, clock, inbox: this.inbox(), timeoutMs });
    this.#ground = {
      nc,
      outbox,
      api: this.#api,
      clock,
      pullExpiresMs,
      inbox: () => this.inbox(),
      uniqueName: () => nuid.next(),
    };
    void this.#watchStatus();
  }

  get maxPayload(): number {
    return this.#nc.info?.max_payload ?? 1024 * 1024;
  }

  inbox(): string {
    return createInbox(this.#inboxPrefix);
  }

  // ── topology ─────────────────────────────────────────────────────────────────────────────────────────────────

  async ensure(plan: TopologyPlan): Promise<void> {
    await Promise.all([
      ...plan.streams.map((stream) => ensureStream(this.#api, stream)),
      ...plan.buckets.map((bucket) => ensureBucket(this.#js, bucket)),
      ...plan.objectBuckets.map((bucket) => ensureObjectBucket(this.#js, bucket)),
    ]);
    await Promise.all(plan.consumers.map((consumer) => this.ensureConsumer(consumer)));
  }

  async ensureConsumer(plan: ConsumerPlan): Promise<void> {
    await ensureConsumer(this.#api, plan);
    this.#plans.set(`${plan.stream} ${plan.name}`, plan);
  }

  // ── core NATS ────────────────────────────────────────────────────────────────────────────────────────────────

  publish(message: OutMessage): void {
    if (this.#nc.isClosed()) return; // At most once, and so not at all.
    this.#outbox.publish(toWire(this.#nc, message, ...ownHeaders(message)), message.reply);
  }

  async request(message: OutMessage, { timeoutMs, signal }: RequestOptions): Promise<InMessage> {
    signal?.throwIfAborted();
    checkOpen(this.#nc);
    const wire = toWire(this.#nc, message, ...ownHeaders(message));
    this.#outbox.flush();
    const answer = this.#nc.request(wire.subject, wire.payload, {
      timeout: timeoutMs,
      ...optionsOf(wire, undefined),
    });
    try {
      return new CoreMessage(await abortable(answer, signal));
    } catch (error) {
      signal?.throwIfAborted();
      throw requestError(message.subject, error);
    }
  }

  async gather(message: OutMessage, options: GatherOptions): Promise<InMessage[]> {
    const { nc, clock } = this.#ground;
    options.signal?.throwIfAborted();
    checkOpen(nc);
    const wire = toWire(nc, message, ...ownHeaders(message));
    this.#outbox.flush();
    return await gather({ nc, clock, inbox: this.inbox() }, wire, options);
  }

  subscribe(subject: string, onMessage: (message: InMessage) => void, queue?: string): Subscription {
    const subscription = this.#nc.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, message) => {
        if (error === null) onMessage(new CoreMessage(message));
      },
    });
    return { close: () => subscription.unsubscribe() };
  }

  // ── streams ──────────────────────────────────────────────────────────────────────────────────────────────────

  store(message: StoreMessage): Promise<Stored> {
    return this.#publisher.store(message);
  }

  storeBatch(messages: readonly StoreMessage[]): Promise<Stored> {
    return this.#publisher.storeBatch(messages, nuid.next());
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    const plan = this.#plans.get(`${options.stream} ${options.consumer}`);
    const mend = async () => {
      if (plan !== undefined) await ensureConsumer(this.#api, plan);
    };
    const consumption = new JetStreamConsumption(this.#ground, options, mend);
    return this.#restarting(consumption);
  }

  async tail(options: TailOptions): Promise<Tail> {
    return this.#restarting(await new JetStreamTail(this.#ground, options).start());
  }

  async last(stream: string, subject: string): Promise<StreamMessage | undefined> {
    return await this.#get(stream, { last_by_subj: subject });
  }

  async at(stream: string, seq: number): Promise<StreamMessage | undefined> {
    const answer = await this.#api.askRaw(`DIRECT.GET.${stream}`, { seq });
    // A replica that lags may not have it yet; the leader decides.
    if (answer.headers?.code === 404) return await this.#get(stream, { seq });
    return fromDirectAnswer(answer);
  }

  async purge(stream: string, subject: string, beforeSeq?: number): Promise<number> {
    const body = beforeSeq === undefined ? { filter: subject } : { filter: subject, seq: beforeSeq };
    const { purged } = await this.#api.ask<{ purged: number }>(`STREAM.PURGE.${stream}`, body);
    return purged;
  }

  async remove(stream: string, seq: number): Promise<void> {
    await this.#api.ask(`STREAM.MSG.DELETE.${stream}`, { seq, no_erase: true }).catch((error) => {
      if (!isGone(error)) throw error;
    });
  }

  async streamOf(subject: string): Promise<string | undefined> {
    const { streams } = await this.#api.ask<{ streams: string[] | null }>("STREAM.NAMES", { subject });
    return streams?.[0];
  }

  async streamState(stream: string): Promise<StreamState> {
    const { state } = await this.#api.ask<{ state: Record<string, number> }>(`STREAM.INFO.${stream}`);
    const { messages = 0, bytes = 0, first_seq = 0, last_seq = 0 } = state;
    return { messages, bytes, firstSeq: first_seq, lastSeq: last_seq };
  }

  async consumerStates(stream: string): Promise<ConsumerState[]> {
    const states: ConsumerState[] = [];
    for (let total = 1; states.length < total; ) {
      const page = await this.#api.ask<ConsumerPage>(`CONSUMER.LIST.${stream}`, { offset: states.length });
      total = page.total;
      if (page.consumers.length === 0) break;
      for (const { name, num_pending, num_ack_pending } of page.consumers) {
        states.push({ name, pending: num_pending, unacknowledged: num_ack_pending });
      }
    }
    return states;
  }

  bucket(name: string): Promise<Bucket> {
    return openBucket(this.#js, name);
  }

  objects(name: string): Promise<ObjectBucket> {
    return openObjects(this.#js, this.#api, name);
  }

  // ── the connection ───────────────────────────────────────────────────────────────────────────────────────────

  onStatus(listener: (status: BrokerStatus) => void): void {
    this.#listeners.add(listener);
  }

  async flush(): Promise<void> {
    this.#outbox.flush();
    if (this.#nc.isClosed()) return;
    await this.#nc.flush().catch((error) => {
      throw requestError("flush", error);
    });
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#outbox.flush();
    this.#publisher.close();
    await this.#nc.close();
  }

  async #get(stream: string, query: Record<string, unknown>): Promise<StreamMessage | undefined> {
    try {
      return fromStoredAnswer(await this.#api.ask<StoredAnswer>(`STREAM.MSG.GET.${stream}`, query));
    } catch (error) {
      if (error instanceof BrokerRefused && error.brokerCode === API_CODE.noMessage) return undefined;
      throw error;
    }
  }

  /** Restarts it after each reconnect, until it is stopped. */
  #restarting<T extends Restartable & { stop(): Promise<void> }>(item: T): T {
    this.#restartables.add(item);
    const stop = item.stop.bind(item);
    item.stop = async () => {
      this.#restartables.delete(item);
      await stop();
    };
    return item;
  }

  async #watchStatus(): Promise<void> {
    for await (const status of this.#nc.status()) this.#onStatus(status);
    const error = await this.#nc.closed();
    this.#tell({ type: "closed", error: error instanceof Error ? error : undefined });
  }

  #onStatus(status: Status): void {
    if (status.type === "disconnect") this.#tell({ type: "disconnected", server: status.server });
    if (status.type === "reconnect") {
      for (const item of this.#restartables) item.restart();
      this.#tell({ type: "reconnected", server: status.server });
    }
    if (status.type === "error" && status.error instanceof errors.PermissionViolationError) {
      this.#publisher.denied(status.error.subject);
      this.#tell({ type: "denied", operation: status.error.operation, subject: status.error.subject });
    }
  }

  #tell(status: BrokerStatus): void {
    for (const listener of this.#listeners) listener(status);
  }
}

function isGone(error: unknown): boolean {
  return error instanceof BrokerRefused && GONE.has(error.brokerCode);
}

interface ConsumerPage {
  total: number;
  consumers: { name: string; num_pending: number; num_ack_pending: number }[];
}

/** Rejects with the signal's reason as soon as it aborts; the answer is then ignored. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new RequestFailed("request", "aborted.", { cause: signal.reason }));
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function ownHeaders({ headers }: OutMessage): Headers[] {
  return headers === undefined ? [] : [headers];
}
