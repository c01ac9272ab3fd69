/** Consumptions and tails: what the port offers over the pull loop. */
import type { Msg, NatsConnection } from "nats";
import { BrokerRefused } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { ConsumeOptions, Consumption, Tail, TailOptions } from "../port.ts";
import { API_CODE, type JetStreamApi } from "./api.ts";
import { ConsumerMessage, parseAckSubject } from "./messages.ts";
import type { Outbox } from "./outbox.ts";
import { PullLoop } from "./pull.ts";

export interface Ground {
  nc: NatsConnection;
  outbox: Outbox;
  api: JetStreamApi;
  clock: Clock;
  pullExpiresMs: number;
  /** A fresh inbox subject. */
  inbox(): string;
  /** A name that no other consumer has. */
  uniqueName(): string;
}

/** Something that must begin anew after a reconnect. */
export interface Restartable {
  restart(): void;
}

export class JetStreamConsumption implements Consumption, Restartable {
  readonly #loop: PullLoop;
  #stopping = false;

  /** `mend` is called when the consumer may be gone; it makes it again. */
  constructor(ground: Ground, options: ConsumeOptions, mend: () => Promise<void>) {
    this.#loop = new PullLoop({
      nc: ground.nc,
      outbox: ground.outbox,
      clock: ground.clock,
      apiPrefix: ground.api.prefix,
      stream: options.stream,
      consumer: options.consumer,
      inbox: ground.inbox(),
      expiresMs: ground.pullExpiresMs,
      onMessage: (message) => this.#onMessage(ground, options, message),
      onTrouble: (reason, times) => {
        // Nobody answering, once, is common: a leader just changed, or the consumer is only now being made.
        if (times > 1 || !reason.startsWith(NOBODY)) options.onTrouble?.(reason);
        mend().catch((error) => options.onTrouble?.(String(error)));
      },
    });
  }

  get outstanding(): number {
    return this.#loop.wanted;
  }

  request(count: number): void {
    this.#loop.request(count);
  }

  restart(): void {
    this.#loop.restart();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#loop.stop();
  }

  #onMessage(ground: Ground, options: ConsumeOptions, message: Msg): void {
    const delivery = new ConsumerMessage(ground.outbox, message, parseAckSubject(message.reply ?? ""));
    if (this.#stopping) return delivery.nak();
    options.onDelivery(delivery);
  }
}

/** How the server says that nobody listens. */
const NOBODY = "503";

/** How many messages of a tail may be under way to us. */
const TAIL_CREDIT = 1024;
/** The server forgets a tail's consumer when nobody pulled for so long. */
const INACTIVE_MS = 60_000;
/** How long the server may take to make a consumer anew; it may just be dying, and the next try finds another. */
const REBUILD_MS = 1_000;
const NANOS_PER_MS = 1_000_000;

/**
 * Reads in order by an ephemeral consumer without acknowledgements. A gap in the consumer's own numbering, or a
 * consumer that is gone, makes a new one behind the last message that was handed on.
 */
export class JetStreamTail implements Tail, Restartable {
  readonly #ground: Ground;
  readonly #options: TailOptions;
  #loop: PullLoop | undefined;
  /** The consumer at the server. */
  #consumer: string | undefined;
  #nextSeq: number;
  #expectedConsumerSeq = 1;
  /** Messages handed on and not yet released: they count against the credit of a new loop too. */
  #unreleased = 0;
  #generation = 0;
  #rebuilding: Promise<void> | undefined;
  #stopped = false;

  constructor(ground: Ground, options: TailOptions) {
    this.#ground = ground;
    this.#options = options;
    this.#nextSeq = options.fromSeq;
  }

  async start(): Promise<this> {
    await this.#open();
    return this;
  }

  release(count: number): void {
    this.#unreleased -= count;
    this.#loop?.request(count);
  }

  restart(): void {
    this.#loop?.restart();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#rebuilding;
    await this.#loop?.stop();
    this.#forget();
  }

  /** The server would forget the consumer by itself, but a minute of each adds up. */
  #forget(): void {
    if (this.#consumer !== undefined)
      this.#ground.api.tell(`CONSUMER.DELETE.${this.#options.stream}.${this.#consumer}`);
    this.#consumer = undefined;
  }

  async #open(timeoutMs?: number): Promise<void> {
    const name = this.#ground.uniqueName();
    const generation = ++this.#generation;
    await this.#create(name, timeoutMs);
    this.#consumer = name;
    if (generation !== this.#generation || this.#stopped) return;
    this.#expectedConsumerSeq = 1;
    this.#loop = this.#newLoop(name, generation);
    this.#loop.request(TAIL_CREDIT - this.#unreleased);
  }

  async #create(name: string, timeoutMs: number | undefined): Promise<void> {
    const { stream, filter, headersOnly } = this.#options;
    const config = {
      name,
      deliver_policy: "by_start_sequence",
      opt_start_seq: Math.max(1, this.#nextSeq),
      ack_policy: "none",
      replay_policy: "instant",
      filter_subject: filter,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: INACTIVE_MS * NANOS_PER_MS,
      ...(headersOnly ? { headers_only: true } : {}),
    };
    const body = { stream_name: stream, config, action: "create" };
    await this.#ground.api.ask(`CONSUMER.CREATE.${stream}.${name}.${filter}`, body, timeoutMs);
  }

  #newLoop(consumer: string, generation: number): PullLoop {
    const { nc, outbox, clock, api, pullExpiresMs } = this.#ground;
    return new PullLoop({
      nc,
      outbox,
      clock,
      apiPrefix: api.prefix,
      stream: this.#options.stream,
      consumer,
      inbox: this.#ground.inbox(),
      expiresMs: pullExpiresMs,
      onMessage: (message) => generation === this.#generation && this.#onMessage(message),
      onTrouble: (reason) => this.#rebuild(reason),
    });
  }

  #onMessage(message: Msg): void {
    const info = parseAckSubject(message.reply ?? "");
    if (info.consumerSeq !== this.#expectedConsumerSeq) return this.#rebuild("a gap in the deliveries");
    this.#expectedConsumerSeq++;
    if (this.#stopped || info.seq < this.#nextSeq) return;
    this.#nextSeq = info.seq + 1;
    this.#unreleased++;
    this.#options.onMessage(new ConsumerMessage(this.#ground.outbox, message, info));
  }

  #rebuild(reason: string): void {
    if (this.#stopped || this.#rebuilding !== undefined) return;
    this.#options.onTrouble?.(reason);
    this.#generation++;
    const old = this.#loop;
    this.#loop = undefined;
    this.#rebuilding = this.#replace(old).finally(() => {
      this.#rebuilding = undefined;
    });
  }

  async #replace(old: PullLoop | undefined): Promise<void> {
    await old?.stop().catch(() => {});
    this.#forget();
    while (!this.#stopped && !this.#ground.nc.isClosed()) {
      try {
        return await this.#open(REBUILD_MS);
      } catch (error) {
        this.#options.onTrouble?.(String(error));
        if (error instanceof BrokerRefused && error.brokerCode === API_CODE.streamNotFound) return;
        await new Promise<void>((resolve) => this.#ground.clock.after(250, resolve));
      }
    }
  }
}
