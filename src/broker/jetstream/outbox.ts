/**
 * What goes to the server, gathered for one turn of the event loop and then handed over at once.
 *
 * The client library flushes at the next microtask, which in code full of awaits is a system call for almost every
 * message: half of a busy worker's CPU, and as much again at the server.
 */
import type { NatsConnection, Payload, PublishOptions } from "nats";

/** Bytes that wait at most; beyond, they go at once. */
const MOST_BYTES = 256 * 1024;

interface Waiting {
  subject: string;
  payload: Payload | undefined;
  options: PublishOptions;
}

export class Outbox {
  readonly #nc: NatsConnection;
  #waiting: Waiting[] = [];
  #bytes = 0;

  constructor(nc: NatsConnection) {
    this.#nc = nc;
  }

  /** Sends in the order of the calls, at the latest at the end of this turn. */
  publish(subject: string, payload: Payload | undefined, options: PublishOptions = {}): void {
    if (this.#waiting.length === 0) setImmediate(() => this.flush());
    this.#waiting.push({ subject, payload, options });
    this.#bytes += payload?.length ?? 0;
    if (this.#bytes > MOST_BYTES) this.flush();
  }

  /** Hands over what waits; to be called before anything that goes past the outbox. */
  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    if (this.#nc.isClosed()) return; // A crash would have lost it, too.
    for (const message of waiting) this.#send(message);
  }

  /** A subject that the library refuses came from outside (a reply subject): it must not hold up the others. */
  #send({ subject, payload, options }: Waiting): void {
    try {
      this.#nc.publish(subject, payload, options);
    } catch {
      // At most once, and so not at all.
    }
  }
}
