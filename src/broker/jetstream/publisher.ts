/**
 * Acknowledged publishes over one inbox subscription: an entry in a map a message in flight, and one timer for all of
 * them. The client library's own publish costs four times the CPU (docs/decisions/005-own-publisher-and-pull-loop.md).
 */
import type { Msg, NatsConnection, Subscription } from "nats";
import { PermissionDenied, WriteUnknown } from "../../errors.ts";
import { HEADER } from "../../protocol/names.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Headers, Stored, StoreMessage } from "../port.ts";
import { type ApiFault, faultError } from "./api.ts";
import { BATCH_HEADER } from "./headers.ts";
import type { Outbox } from "./outbox.ts";
import { checkOpen, toWire, type WireMessage } from "./wire.ts";

interface InFlight {
  subject: string;
  expires: number;
  resolve(stored: Stored): void;
  reject(error: Error): void;
}

interface PubAck {
  stream: string;
  seq: number;
  duplicate?: boolean;
  error?: ApiFault;
}

export interface PublisherOptions {
  nc: NatsConnection;
  outbox: Outbox;
  clock: Clock;
  inbox: string;
  /** How long an acknowledgement may take before the write counts as unknown. */
  timeoutMs: number;
}

/** Most messages of an atomic batch; the server refuses more. */
export const MAX_BATCH = 1000;

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #inFlight = new Map<string, InFlight>();
  readonly #subscription: Subscription;
  readonly #sweeper: Timer;
  #next = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#subscription = options.nc.subscribe(`${options.inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#onAnswer(message);
      },
    });
    this.#sweeper = options.clock.every(Math.max(50, options.timeoutMs / 10), () => this.#sweep());
  }

  /** Stores one message. */
  async store(message: StoreMessage): Promise<Stored> {
    const { nc } = this.#options;
    checkOpen(nc);
    return await this.#send(toWire(nc, message, ...storeHeaders(message)));
  }

  /**
   * Stores all messages or none. The first and the last are requests, the others plain publishes: what is wrong shows
   * in the first or the last answer.
   */
  async storeBatch(messages: readonly StoreMessage[], batchId: string): Promise<Stored> {
    if (messages.length === 0) throw new RangeError("an atomic batch has at least one message");
    if (messages.length > MAX_BATCH)
      throw new RangeError(`an atomic batch has at most ${MAX_BATCH} messages`);
    checkOpen(this.#options.nc);
    // All are encoded before the first is sent: a batch that cannot be committed should not be begun.
    const { length } = messages;
    const parts = messages.map((message, at) =>
      toWire(
        this.#options.nc,
        message,
        placeHeaders({ batchId, position: at + 1, length }),
        ...storeHeaders(message),
      ),
    );
    return await this.#sendParts(parts);
  }

  /** The server refused a publish for lack of permission: fail what waits on that subject. */
  denied(subject: string): void {
    for (const [token, waiting] of this.#inFlight) {
      if (waiting.subject !== subject) continue;
      this.#inFlight.delete(token);
      waiting.reject(new PermissionDenied(`publish on "${subject}".`));
    }
  }

  close(): void {
    this.#sweeper.cancel();
    this.#subscription.unsubscribe();
    for (const waiting of this.#inFlight.values()) waiting.reject(new WriteUnknown(waiting.subject));
    this.#inFlight.clear();
  }

  async #sendParts(parts: readonly WireMessage[]): Promise<Stored> {
    const last = parts[parts.length - 1] as WireMessage;
    const opened = parts.length > 1 ? this.#send(parts[0] as WireMessage) : undefined;
    opened?.catch(() => {}); // The last answer tells the same; this only keeps an early refusal from being unhandled.
    for (const part of parts.slice(1, -1)) this.#options.outbox.publish(part);
    const committed = this.#send(last);
    await Promise.all([opened, committed]);
    return await committed;
  }

  #send(message: WireMessage): Promise<Stored> {
    const { outbox, clock, inbox, timeoutMs } = this.#options;
    const token = (this.#next++).toString(36);
    return new Promise((resolve, reject) => {
      const expires = clock.now() + timeoutMs;
      this.#inFlight.set(token, { subject: message.subject, expires, resolve, reject });
      outbox.publish(message, `${inbox}.${token}`);
    });
  }

  #onAnswer(message: Msg): void {
    const token = message.subject.slice(this.#options.inbox.length + 1);
    const waiting = this.#inFlight.get(token);
    if (waiting === undefined) return;
    this.#inFlight.delete(token);
    settle(waiting, message);
  }

  #sweep(): void {
    const now = this.#options.clock.now();
    for (const [token, waiting] of this.#inFlight) {
      if (waiting.expires > now) return; // Insertion order is expiry order.
      this.#inFlight.delete(token);
      waiting.reject(new WriteUnknown(waiting.subject));
    }
  }
}

function settle(waiting: InFlight, message: Msg): void {
  if (message.data.length === 0) {
    // An empty answer is the acknowledgement of an open batch, or "no responders" (503) while JetStream is away.
    if (message.headers?.code === 503) return waiting.reject(new WriteUnknown(waiting.subject));
    return waiting.resolve({ stream: "", seq: 0, duplicate: false });
  }
  const answer = JSON.parse(
    Buffer.from(message.data.buffer, message.data.byteOffset, message.data.length).toString(),
  ) as PubAck;
  if (answer.error !== undefined) return waiting.reject(faultError(waiting.subject, answer.error));
  waiting.resolve({ stream: answer.stream, seq: answer.seq, duplicate: answer.duplicate ?? false });
}

/** Its own headers, and those that tell the server how to store it. */
function storeHeaders({ headers, expectLast, msgId, ttlSeconds, rollup }: StoreMessage): Headers[] {
  const own = headers === undefined ? [] : [headers];
  if (expectLast === undefined && msgId === undefined && ttlSeconds === undefined && !rollup) return own;
  const fields: Record<string, string> = {};
  if (expectLast !== undefined) fields[HEADER.expectedLastSubjectSequence] = String(expectLast);
  if (msgId !== undefined) fields[HEADER.msgId] = msgId;
  if (ttlSeconds !== undefined) fields[HEADER.ttl] = `${ttlSeconds}s`;
  if (rollup) fields[HEADER.rollup] = "sub";
  return [...own, fields];
}

/** Where a message stands in its batch; positions count from 1. */
interface Place {
  batchId: string;
  position: number;
  length: number;
}

function placeHeaders({ batchId, position, length }: Place): Headers {
  const place = { [BATCH_HEADER.id]: batchId, [BATCH_HEADER.sequence]: String(position) };
  return position < length ? place : { ...place, [BATCH_HEADER.commit]: "1" };
}
