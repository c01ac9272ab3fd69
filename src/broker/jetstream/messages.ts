/** Messages of the client library seen as messages of the port; headers are decoded only when they are read. */
import type { Msg } from "nats";
import { decimalAt } from "../../protocol/decimal.ts";
import type { Delivery, Headers, InMessage, StreamMessage } from "../port.ts";
import { headersOf, parseHeaderBlock } from "./headers.ts";
import type { Outbox } from "./outbox.ts";

const NANOS_PER_MS = 1_000_000;

/** A message of a plain subscription. */
export class CoreMessage implements InMessage {
  readonly #message: Msg;
  #headers: Headers | undefined;

  constructor(message: Msg) {
    this.#message = message;
  }

  get subject(): string {
    return this.#message.subject;
  }

  get data(): Uint8Array {
    return this.#message.data;
  }

  get reply(): string | undefined {
    return this.#message.reply === "" ? undefined : this.#message.reply;
  }

  get headers(): Headers {
    this.#headers ??= headersOf(this.#message);
    return this.#headers;
  }
}

/** What the reply subject of a JetStream delivery says of it. */
export interface DeliveryInfo {
  deliveries: number;
  seq: number;
  consumerSeq: number;
  /** When it was stored, in nanoseconds since 1970, as text: seldom asked for, and dear to read. */
  nanos: string;
}

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<deliveries>.<seq>.<consumer seq>.<nanoseconds>.<pending>`, or the longer form
 * that has domain and account before the stream.
 */
export function parseAckSubject(reply: string): DeliveryInfo {
  const dots: number[] = [];
  for (let at = reply.indexOf("."); at >= 0; at = reply.indexOf(".", at + 1)) dots.push(at);
  const before = dots.length >= 10 ? 5 : 3;
  const startOf = (token: number) => (dots[before + token] ?? -1) + 1;
  const endOf = (token: number) => dots[before + token + 1] ?? reply.length;
  return {
    deliveries: decimalAt(reply, startOf(0), endOf(0)),
    seq: decimalAt(reply, startOf(1), endOf(1)),
    consumerSeq: decimalAt(reply, startOf(2), endOf(2)),
    nanos: reply.slice(startOf(3), endOf(3)),
  };
}

const ACK = Buffer.from("+ACK");
const WORKING = Buffer.from("+WPI");

/** A message that a consumer delivered; its acknowledgements go to the reply subject. */
export class ConsumerMessage implements Delivery {
  readonly #outbox: Outbox;
  readonly #message: Msg;
  readonly #info: DeliveryInfo;
  #settled = false;
  #headers: Headers | undefined;

  constructor(outbox: Outbox, message: Msg, info: DeliveryInfo) {
    this.#outbox = outbox;
    this.#message = message;
    this.#info = info;
  }

  get subject(): string {
    return this.#message.subject;
  }

  get data(): Uint8Array {
    return this.#message.data;
  }

  get headers(): Headers {
    this.#headers ??= headersOf(this.#message);
    return this.#headers;
  }

  get seq(): number {
    return this.#info.seq;
  }

  get time(): number {
    return Math.floor(Number(this.#info.nanos) / NANOS_PER_MS);
  }

  get deliveries(): number {
    return this.#info.deliveries;
  }

  ack(): void {
    this.#settle(ACK);
  }

  nak(delayMs?: number): void {
    const delay = delayMs === undefined ? "" : ` {"delay":${Math.round(delayMs * NANOS_PER_MS)}}`;
    this.#settle(Buffer.from(`-NAK${delay}`));
  }

  working(): void {
    if (!this.#settled) this.#answer(WORKING);
  }

  term(reason: string): void {
    this.#settle(Buffer.from(`+TERM ${reason}`));
  }

  /** The first settlement counts. */
  #settle(payload: Uint8Array): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#answer(payload);
  }

  /** A closed connection cannot answer; the lease runs out and another takes over, which is what a crash does too. */
  #answer(payload: Uint8Array): void {
    this.#outbox.tell(this.#message.reply ?? "", payload);
  }
}

/** A message as `STREAM.MSG.GET` answers it. */
export interface StoredAnswer {
  message: { subject: string; seq: number; hdrs?: string; data?: string; time: string };
}

export function fromStoredAnswer({ message }: StoredAnswer): StreamMessage {
  return {
    subject: message.subject,
    seq: message.seq,
    data: Buffer.from(message.data ?? "", "base64"),
    headers: parseHeaderBlock(Buffer.from(message.hdrs ?? "", "base64").toString("utf8")),
    time: Date.parse(message.time),
  };
}

/** A message as `DIRECT.GET` answers it: the message itself, its place in headers. */
export function fromDirectAnswer(message: Msg): StreamMessage {
  const all = headersOf(message);
  const {
    "Nats-Stream": _stream,
    "Nats-Subject": subject,
    "Nats-Sequence": seq,
    "Nats-Time-Stamp": time,
    ...rest
  } = all;
  return {
    subject: subject ?? "",
    seq: Number(seq),
    data: message.data,
    headers: rest,
    time: Date.parse(time ?? ""),
  };
}
