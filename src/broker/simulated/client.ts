/** One client of the simulated server. */
import { BrokerUnreachable, type MusterError, PayloadTooLarge, WriteUnknown } from "../../errors.ts";
import type {
  Broker,
  BrokerStatus,
  Bucket,
  ConsumeOptions,
  ConsumerPlan,
  ConsumerState,
  Consumption,
  GatherOptions,
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
import { Calls } from "./calls.ts";
import { SimulatedConsumption } from "./consumption.ts";
import { type CapturedResult, refusalOf, type ServerCore } from "./core.ts";
import { type Ground, look } from "./ground.ts";
import { SimulatedBucket } from "./kv.ts";
import { Link } from "./link.ts";
import { Listener } from "./listener.ts";
import { type Packet, toPacket, toStorePacket, wireSize } from "./messages.ts";
import { type AskShelf, SimulatedObjects } from "./objects.ts";
import { gather, type RequestGround, request } from "./requests.ts";
import { SimulatedTail } from "./tail.ts";

export interface ClientOptions {
  core: ServerCore;
  /** Shown to fault plans. */
  name: string;
  /** Unique among the server's clients. */
  id: number;
}

/** A {@link Broker} that can be killed, and cut off from its server. */
export class SimulatedBroker implements Broker {
  readonly name: string;
  readonly label: string;
  readonly #core: ServerCore;
  readonly #id: number;
  readonly #link: Link;
  readonly #ground: Ground;
  readonly #requests: RequestGround;
  readonly #plans = new Map<string, ConsumerPlan>();
  readonly #listeners = new Set<(status: BrokerStatus) => void>();
  #inboxes = 0;

  constructor({ core, name, id }: ClientOptions) {
    const { clock, timeoutMs } = core.options;
    this.name = name;
    this.label = `simulated (${name})`;
    this.#core = core;
    this.#id = id;
    this.#link = new Link(clock);
    const calls = new Calls({ link: this.#link, timeoutMs, label: this.label });
    this.#ground = { name, core, link: this.#link, calls, attachments: new Set() };
    this.#requests = {
      timers: this.#link,
      inbox: () => this.inbox(),
      listen: (subject, onPacket) => this.#listen(subject, onPacket),
      publish: (message) => this.publish(message),
      alive: () => this.#link.state !== "dead",
    };
  }

  get maxPayload(): number {
    return this.#core.options.maxPayload;
  }

  // ── the process and its connection ───────────────────────────────────────────────────────────────────────────

  /** Ends this client as SIGKILL does: nothing it sends arrives any more, its calls never settle. */
  kill(): void {
    if (this.#link.state !== "closed") this.#link.end("dead");
  }

  /** Stops this client's process as SIGSTOP does: to the server it seems alive, but it does nothing. */
  pause(): void {
    this.#link.pause();
  }

  /** Lets it go on as SIGCONT does, with what has come meanwhile. */
  resume(): void {
    if (this.#link.state !== "dead") this.#link.resume();
  }

  /** Loses the connection; both sides notice at once. */
  cut(): void {
    if (this.#link.state !== "up") return;
    this.#link.end("cut");
    this.#tell({ type: "disconnected", server: this.label });
  }

  /** Connects again after {@link cut}. */
  heal(): void {
    if (this.#link.state !== "cut") return;
    this.#link.heal(() => {
      for (const attachment of this.#ground.attachments) attachment.attach();
    });
    this.#tell({ type: "reconnected", server: this.label });
  }

  onStatus(listener: (status: BrokerStatus) => void): void {
    this.#listeners.add(listener);
  }

  async flush(): Promise<void> {
    if (this.#link.state === "up") await look(this.#ground, "flush", () => {});
  }

  async close(): Promise<void> {
    if (this.#link.state === "closed" || this.#link.state === "dead") return;
    await this.flush().catch(() => {});
    this.#link.end("closed");
    this.#ground.calls.close();
    this.#tell({ type: "closed", error: undefined });
  }

  // ── topology ─────────────────────────────────────────────────────────────────────────────────────────────────

  async ensure(plan: TopologyPlan): Promise<void> {
    await this.#look("topology", () => this.#core.ensure(plan));
    for (const consumer of plan.consumers) this.#remember(consumer);
  }

  async ensureConsumer(plan: ConsumerPlan): Promise<void> {
    await this.#look(plan.name, () => this.#core.ensureConsumer(plan));
    this.#remember(plan);
  }

  // ── core NATS ────────────────────────────────────────────────────────────────────────────────────────────────

  publish(message: OutMessage): void {
    const packet = this.#checked(toPacket(message));
    this.#link.toServer(() => this.#core.publish(packet));
  }

  async request(message: OutMessage, options: RequestOptions): Promise<InMessage> {
    this.#checkOpen();
    return await request(this.#requests, message, options);
  }

  async gather(message: OutMessage, options: GatherOptions): Promise<InMessage[]> {
    this.#checkOpen();
    return await gather(this.#requests, message, options);
  }

  subscribe(subject: string, onMessage: (message: InMessage) => void, queue?: string): Subscription {
    return this.#listen(subject, onMessage, queue);
  }

  inbox(): string {
    return `_INBOX.${this.#id}.${++this.#inboxes}`;
  }

  // ── streams ──────────────────────────────────────────────────────────────────────────────────────────────────

  async store(message: StoreMessage): Promise<Stored> {
    const packet = this.#checked(toStorePacket(message));
    return await this.#write(message.subject, () => this.#core.store(packet));
  }

  async storeBatch(messages: readonly StoreMessage[]): Promise<Stored> {
    const packets = messages.map((message) => this.#checked(toStorePacket(message)));
    return await this.#write(messages.at(-1)?.subject ?? "an empty batch", () =>
      this.#core.storeBatch(packets),
    );
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    const plan = this.#plans.get(planKey(options.stream, options.consumer));
    return new SimulatedConsumption(this.#ground, options, plan);
  }

  async tail(options: TailOptions): Promise<Tail> {
    await this.#look(options.stream, () => this.#core.readable(options.stream));
    return new SimulatedTail(this.#ground, options);
  }

  last(stream: string, subject: string): Promise<StreamMessage | undefined> {
    return this.#look(stream, () => this.#core.stream(stream).last(subject));
  }

  at(stream: string, seq: number): Promise<StreamMessage | undefined> {
    return this.#look(stream, () => this.#core.stream(stream).at(seq));
  }

  purge(stream: string, subject: string, beforeSeq?: number): Promise<number> {
    return this.#look(stream, () => this.#core.stream(stream).purge(subject, beforeSeq));
  }

  async remove(stream: string, seq: number): Promise<void> {
    await this.#look(stream, () => this.#core.stream(stream).remove(seq));
  }

  streamOf(subject: string): Promise<string | undefined> {
    return this.#look(subject, () => this.#core.streamOf(subject));
  }

  streamState(stream: string): Promise<StreamState> {
    return this.#look(stream, () => this.#core.stream(stream).state());
  }

  consumerStates(stream: string): Promise<ConsumerState[]> {
    return this.#look(stream, () => this.#core.consumers(stream).map((consumer) => consumer.state()));
  }

  // ── buckets ──────────────────────────────────────────────────────────────────────────────────────────────────

  async bucket(name: string): Promise<Bucket> {
    return new SimulatedBucket(name, {
      store: (message) => this.store(message),
      last: (stream, subject) => this.last(stream, subject),
    });
  }

  async objects(name: string): Promise<ObjectBucket> {
    const ask: AskShelf = (call) => this.#look(name, () => call(this.#core.shelf(name)));
    return new SimulatedObjects(ask);
  }

  #look<T>(what: string, run: () => T): Promise<T> {
    return look(this.#ground, what, run);
  }

  async #write(subject: string, run: () => CapturedResult | undefined): Promise<Stored> {
    const { faults } = this.#core.options;
    const unanswered = (): MusterError => new WriteUnknown(subject);
    const passage = { client: this.name, subject };
    const result = await this.#ground.calls.ask(run, {
      unanswered,
      there: () => faults.onPublish?.(passage) ?? "pass",
      back: () => faults.onPublishAck?.(passage) ?? "pass",
    });
    // Nobody captures the subject: on the real server that is "no responders", as when JetStream is away for now.
    if (result === undefined) throw unanswered();
    if ("refusal" in result) throw refusalOf(subject, result);
    return { stream: result.stream, seq: result.seq, duplicate: result.duplicate };
  }

  #listen(subject: string, onPacket: (packet: Packet) => void, queue?: string): Subscription {
    return new Listener(this.#ground, { subject, queue, onPacket });
  }

  #checked(packet: Packet): Packet {
    const bytes = wireSize(packet);
    if (bytes <= this.maxPayload) return packet;
    throw new PayloadTooLarge(`The message for ${packet.subject}`, bytes, this.maxPayload);
  }

  #checkOpen(): void {
    if (this.#link.state === "closed") throw new BrokerUnreachable(this.label, "the connection is closed.");
  }

  #remember(plan: ConsumerPlan): void {
    this.#plans.set(planKey(plan.stream, plan.name), plan);
  }

  #tell(status: BrokerStatus): void {
    for (const listener of this.#listeners) listener(status);
  }
}

function planKey(stream: string, consumer: string): string {
  return `${stream} ${consumer}`;
}
