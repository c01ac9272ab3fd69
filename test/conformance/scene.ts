/** What a conformance test starts from: a connection, a stream and subjects that no other test uses. */
import type {
  Broker,
  ConsumerPlan,
  Consumption,
  Delivery,
  StreamMessage,
  StreamPlan,
  Tail,
  TailOptions,
  TopologyPlan,
} from "../../src/broker/port.ts";
import type { Bed, ClientOptions } from "../support/broker-under-test.ts";
import { streamPlan } from "../support/stream-plan.ts";
import { Mailbox } from "./mailbox.ts";

/** Gives the bed that is up while tests run. */
export type GetBed = () => Bed;

/** Short enough to wait for, long enough for a slow machine. */
export const LEASE_MS = 1_000;
/** After so long a lease has run out on the real server too. */
export const LEASE_OVER_MS = 1_500;

let scenes = 0;

export function uniqueName(): string {
  return `s${++scenes}`;
}

export function emptyPlan(): TopologyPlan {
  return { streams: [], consumers: [], buckets: [], objectBuckets: [] };
}

export class Scene {
  readonly bed: Bed;
  readonly broker: Broker;
  readonly name: string;
  readonly plan: StreamPlan;

  constructor(bed: Bed, broker: Broker, name: string, plan: StreamPlan) {
    this.bed = bed;
    this.broker = broker;
    this.name = name;
    this.plan = plan;
  }

  get stream(): string {
    return this.plan.name;
  }

  subject(...tokens: (string | number)[]): string {
    return [this.name, ...tokens].join(".");
  }

  /** Stores messages `1`, `2`, … `count` on the subject, one after the other. */
  async fill(count: number, subject = this.subject("a")): Promise<void> {
    for (let i = 1; i <= count; i++) await this.broker.store({ subject, data: `${i}` });
  }

  async count(): Promise<number> {
    return (await this.broker.streamState(this.stream)).messages;
  }

  /** Everything that is in the stream now, in order. */
  async contents(filter = this.subject(">")): Promise<StreamMessage[]> {
    const { firstSeq, lastSeq } = await this.broker.streamState(this.stream);
    const all: StreamMessage[] = [];
    for (let seq = Math.max(1, firstSeq); seq <= lastSeq; seq++) {
      const message = await this.broker.at(this.stream, seq);
      if (message !== undefined) all.push(message);
    }
    const prefix = filter.replace(/>$/, "");
    return all.filter((message) => message.subject.startsWith(prefix));
  }

  consumerPlan(changes: Partial<ConsumerPlan> = {}): ConsumerPlan {
    const plan = { stream: this.stream, name: "workers", filter: this.subject(">") };
    return { ...plan, ackWaitMs: LEASE_MS, maxAckPending: 1000, ...changes };
  }
}

/** A scene with a stream that keeps what it is given. */
export async function openScene(bed: Bed, changes: Partial<StreamPlan> = {}): Promise<Scene> {
  const broker = await bed.connect();
  const name = uniqueName();
  const plan = streamPlan(name, changes);
  await broker.ensure({ ...emptyPlan(), streams: [plan] });
  return new Scene(bed, broker, name, plan);
}

/** A scene with a work queue and one durable consumer of all of it. */
export async function openQueue(
  bed: Bed,
  consumer: Partial<ConsumerPlan> = {},
  stream: Partial<StreamPlan> = {},
): Promise<Scene> {
  const scene = await openScene(bed, { retention: "workqueue", ...stream });
  await scene.broker.ensureConsumer(scene.consumerPlan(consumer));
  return scene;
}

/** One who takes from a consumer, and what was delivered to them. */
export interface Taker {
  broker: Broker;
  consumption: Consumption;
  deliveries: Mailbox<Delivery>;
  troubles: Mailbox<string>;
}

export async function takeFrom(scene: Scene, broker = scene.broker, consumer = "workers"): Promise<Taker> {
  const deliveries = new Mailbox<Delivery>();
  const troubles = new Mailbox<string>();
  const consumption = await broker.consume({
    stream: scene.stream,
    consumer,
    onDelivery: deliveries.put,
    onTrouble: troubles.put,
  });
  return { broker, consumption, deliveries, troubles };
}

/** {@link takeFrom} on a connection of its own. */
export async function newTaker(scene: Scene, options?: ClientOptions): Promise<Taker> {
  return await takeFrom(scene, await scene.bed.connect(options));
}

export async function readTail(
  scene: Scene,
  changes: Partial<TailOptions> = {},
  broker = scene.broker,
): Promise<{ tail: Tail; messages: Mailbox<StreamMessage> }> {
  const messages = new Mailbox<StreamMessage>();
  const options = { stream: scene.stream, filter: scene.subject(">"), fromSeq: 1, onMessage: messages.put };
  const tail = await broker.tail({ ...options, ...changes });
  return { tail, messages };
}

export function text(message: { data: Uint8Array }): string {
  return new TextDecoder().decode(message.data);
}

export function texts(messages: readonly { data: Uint8Array }[]): string[] {
  return messages.map(text);
}

/** `1`, `2`, … `count`: what {@link Scene.fill} stores. */
export function numbers(count: number, from = 1): string[] {
  return Array.from({ length: count }, (_, index) => `${from + index}`);
}
