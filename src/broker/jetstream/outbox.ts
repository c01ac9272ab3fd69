/**
 * What goes to the server, gathered for one turn of the event loop and then handed over at once.
 *
 * The client library flushes at the next microtask, which in code full of awaits is a system call for almost every
 * message: half of a busy worker's CPU, and as much again at the server.
 */
import type { NatsConnection } from "nats";
import { optionsOf, type WireMessage } from "./wire.ts";

/** Bytes that wait at most; beyond, they go at once. */
const MOST_BYTES = 256 * 1024;

interface Waiting {
  message: WireMessage;
  reply: string | undefined;
}

export class Outbox {
  readonly #nc: NatsConnection;
  #waiting: Waiting[] = [];
  #bytes = 0;

  constructor(nc: NatsConnection) {
    this.#nc = nc;
  }

  /** Sends in the order of the calls, at the latest at the end of this turn. */
  publish(message: WireMessage, reply?: string): void {
    if (this.#waiting.length === 0) setImmediate(() => this.flush());
    this.#waiting.push({ message, reply });
    this.#bytes += message.payload.length;
    if (this.#bytes > MOST_BYTES) this.flush();
  }

  /** A message without headers, smaller than any limit. */
  tell(subject: string, body: Uint8Array | string = "", reply?: string): void {
    const payload = typeof body === "string" ? Buffer.from(body) : body;
    this.publish({ subject, payload, headers: undefined }, reply);
  }

  /** Hands over what waits; to be called before anything that goes past the outbox. */
  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    if (this.#nc.isClosed()) return; // A crash would have lost it, too.
    for (const entry of waiting) this.#send(entry);
  }

  /** A subject that the library refuses came from outside (a reply subject): it must not hold up the others. */
  #send({ message, reply }: Waiting): void {
    try {
      this.#nc.publish(message.subject, message.payload, optionsOf(message, reply));
    } catch {
      // At most once, and so not at all.
    }
  }
}
