/** What the simulated server holds and does; clients reach it through their links. */
import type { Clock } from "../../runtime/clock.ts";
import type { BucketPlan, ConsumerPlan, StreamPlan, TopologyPlan } from "../port.ts";
import { SimulatedConsumer } from "./consumer.ts";
import type { FaultPlan } from "./faults.ts";
import { bucketStream } from "./kv.ts";
import { type Packet, toBytes } from "./messages.ts";
import { ObjectShelf } from "./objects.ts";
import { PubSub } from "./pubsub.ts";
import { REFUSAL, refused } from "./refusals.ts";
import { SimulatedStream, type StoreResult } from "./stream.ts";
import { matches, overlaps } from "./subjects.ts";

export interface CoreOptions {
  clock: Clock;
  /** Uniform in [0, 1); chooses among the members of a queue group. */
  random: () => number;
  /** The largest message in bytes. */
  maxPayload: number;
  faults: FaultPlan;
  /** How long a client waits for the server's answer to a store or look-up, in milliseconds. */
  timeoutMs: number;
}

interface HeldStream {
  stream: SimulatedStream;
  consumers: Map<string, SimulatedConsumer>;
}

/** The one part of the server's API that is served as a subject, so that tests can break a consumer. */
const DELETE_CONSUMER = "$JS.API.CONSUMER.DELETE.*.*";

/** So many subjects are remembered with their streams. */
const MOST_CAPTURED = 10_000;

export class ServerCore {
  readonly options: CoreOptions;
  readonly pubsub: PubSub;
  readonly #streams = new Map<string, HeldStream>();
  readonly #shelves = new Map<string, ObjectShelf>();
  /** Which stream stores the messages of a subject; undefined where none does. Forgotten when streams change. */
  readonly #captured = new Map<string, SimulatedStream | undefined>();

  constructor(options: CoreOptions) {
    this.options = options;
    this.pubsub = new PubSub(options.random);
    this.pubsub.add({
      subject: DELETE_CONSUMER,
      queue: undefined,
      deliver: (packet) => this.#onDeleteConsumer(packet),
    });
  }

  ensure(plan: TopologyPlan): void {
    for (const stream of plan.streams) this.#ensureStream(stream);
    for (const consumer of plan.consumers) this.ensureConsumer(consumer);
    for (const bucket of plan.buckets) this.#ensureBucket(bucket);
    for (const bucket of plan.objectBuckets) {
      const shelf = this.#shelves.get(bucket.name);
      if (shelf === undefined) this.#shelves.set(bucket.name, new ObjectShelf(this.options.clock, bucket));
      else shelf.update(bucket);
    }
  }

  ensureConsumer(plan: ConsumerPlan): void {
    const { stream, consumers } = this.#held(plan.stream);
    const others = [...consumers.values()].filter((each) => each.plan.name !== plan.name);
    const clash = others.some((each) => overlaps(each.plan.filter, plan.filter));
    if (clash && stream.plan.retention === "workqueue") throw refused(plan.name, REFUSAL.filtersOverlap);
    const known = consumers.get(plan.name);
    if (known === undefined)
      consumers.set(plan.name, new SimulatedConsumer(this.options.clock, stream, plan));
    else known.update(plan);
  }

  /** @throws BrokerRefused when there is none */
  stream(name: string): SimulatedStream {
    return this.#held(name).stream;
  }

  /** The name of the stream that stores what is published to a subject. */
  streamOf(subject: string): string | undefined {
    return this.#capturing(subject)?.plan.name;
  }

  /** The stream, to be read without acknowledgements. @throws BrokerRefused when that is not allowed */
  readable(name: string): SimulatedStream {
    const { stream } = this.#held(name);
    if (stream.plan.retention === "workqueue") throw refused(name, REFUSAL.needsAcks);
    return stream;
  }

  consumer(stream: string, name: string): SimulatedConsumer | undefined {
    return this.#streams.get(stream)?.consumers.get(name);
  }

  consumers(stream: string): SimulatedConsumer[] {
    return [...this.#held(stream).consumers.values()];
  }

  /** @throws BrokerRefused when there is none */
  shelf(name: string): ObjectShelf {
    const shelf = this.#shelves.get(name);
    if (shelf === undefined) throw refused(name, REFUSAL.streamNotFound);
    return shelf;
  }

  /** A core publish: streams store what they capture and acknowledge it to the reply subject. */
  publish(packet: Packet): void {
    const stored = this.store(packet);
    if (stored !== undefined) this.#answer(packet, pubAck(stored));
    const heard = this.pubsub.route(packet);
    if (!heard && stored === undefined && packet.reply !== undefined) {
      this.pubsub.route(noResponders(packet.reply));
    }
  }

  /** Stores the message in the stream that captures its subject; undefined when none does. */
  store(packet: Packet): CapturedResult | undefined {
    const stream = this.#capturing(packet.subject);
    return stream && { stream: stream.plan.name, ...stream.store(packet) };
  }

  storeBatch(packets: readonly Packet[]): CapturedResult | undefined {
    const streams = new Set(packets.map((packet) => this.#capturing(packet.subject)));
    const [stream] = streams;
    if (stream === undefined) return undefined;
    if (streams.size > 1) return { stream: stream.plan.name, refusal: REFUSAL.batchIncomplete };
    return { stream: stream.plan.name, ...stream.storeBatch(packets) };
  }

  /** What the real server loses and keeps when its process is replaced. */
  restart(): void {
    for (const [name, { stream, consumers }] of this.#streams) {
      if (stream.plan.storage === "memory") this.#dropStream(name);
      stream.restart();
      for (const consumer of consumers.values()) consumer.restart();
    }
    for (const [name, shelf] of this.#shelves)
      if (shelf.plan.storage === "memory") this.#shelves.delete(name);
  }

  #held(name: string): HeldStream {
    const held = this.#streams.get(name);
    if (held === undefined) throw refused(name, REFUSAL.streamNotFound);
    return held;
  }

  #ensureStream(plan: StreamPlan): void {
    this.#captured.clear();
    for (const { stream } of this.#streams.values()) {
      const other = stream.plan;
      const clash = other.subjects.some((a) => plan.subjects.some((b) => overlaps(a, b)));
      if (clash && other.name !== plan.name) throw refused(plan.name, REFUSAL.subjectsOverlap);
    }
    const known = this.#streams.get(plan.name);
    if (known !== undefined) {
      known.stream.update(plan);
      return;
    }
    const stream = new SimulatedStream(this.options.clock, plan);
    this.#streams.set(plan.name, { stream, consumers: new Map() });
  }

  #ensureBucket(plan: BucketPlan): void {
    this.#ensureStream(bucketStream(plan));
  }

  #capturing(subject: string): SimulatedStream | undefined {
    if (this.#captured.has(subject)) return this.#captured.get(subject);
    if (this.#captured.size >= MOST_CAPTURED) this.#captured.clear();
    const stream = this.#findCapturing(subject);
    this.#captured.set(subject, stream);
    return stream;
  }

  #findCapturing(subject: string): SimulatedStream | undefined {
    for (const { stream } of this.#streams.values()) {
      if (stream.plan.subjects.some((filter) => matches(filter, subject))) return stream;
    }
    return undefined;
  }

  #dropStream(name: string): void {
    for (const consumer of this.#streams.get(name)?.consumers.values() ?? []) consumer.delete();
    this.#streams.delete(name);
    this.#captured.clear();
  }

  #onDeleteConsumer(packet: Packet): void {
    const [stream = "", name = ""] = packet.subject.split(".").slice(-2);
    const consumer = this.consumer(stream, name);
    this.#streams.get(stream)?.consumers.delete(name);
    consumer?.delete();
    const { code, description } = REFUSAL.consumerNotFound;
    this.#answer(
      packet,
      consumer ? { success: true } : { error: { code: 404, err_code: code, description } },
    );
  }

  #answer(packet: Packet, body: object): void {
    if (packet.reply === undefined) return;
    const data = toBytes(JSON.stringify(body));
    this.pubsub.route({ subject: packet.reply, data, headers: {}, reply: undefined });
  }
}

export type CapturedResult = { stream: string } & StoreResult;

/** The error of a refusal; undefined when it was stored. */
export function refusalOf(what: string, result: CapturedResult): Error | undefined {
  return "refusal" in result ? refused(what, result.refusal) : undefined;
}

function pubAck(result: CapturedResult): object {
  if ("refusal" in result) {
    const { code, description } = result.refusal;
    return { error: { code: 400, err_code: code, description }, stream: result.stream, seq: 0 };
  }
  const { stream, seq, duplicate } = result;
  return duplicate ? { stream, seq, duplicate } : { stream, seq };
}

function noResponders(reply: string): Packet {
  return { subject: reply, data: new Uint8Array(0), headers: {}, reply: undefined, status: "no responders" };
}
