/** Core NATS: messages that nothing stores go to whoever listens now. */
import type { Packet } from "./messages.ts";
import { isLiteral, matches } from "./subjects.ts";

export interface Subscriber {
  readonly subject: string;
  /** Of all subscribers of one queue, one gets each message. */
  readonly queue: string | undefined;
  deliver(packet: Packet): void;
}

export class PubSub {
  readonly #random: () => number;
  readonly #literal = new Map<string, Set<Subscriber>>();
  readonly #wild = new Set<Subscriber>();

  constructor(random: () => number) {
    this.#random = random;
  }

  add(subscriber: Subscriber): void {
    const { subject } = subscriber;
    if (!isLiteral(subject)) this.#wild.add(subscriber);
    else this.#literal.set(subject, (this.#literal.get(subject) ?? new Set()).add(subscriber));
  }

  remove(subscriber: Subscriber): void {
    this.#wild.delete(subscriber);
    const sharers = this.#literal.get(subscriber.subject);
    sharers?.delete(subscriber);
    if (sharers?.size === 0) this.#literal.delete(subscriber.subject);
  }

  /** Hands the message to all who listen, and says whether anyone does. */
  route(packet: Packet): boolean {
    const queues = new Map<string, Subscriber[]>();
    let heard = false;
    for (const subscriber of this.#listeners(packet.subject)) {
      heard = true;
      if (subscriber.queue === undefined) subscriber.deliver(packet);
      else queues.set(subscriber.queue, [...(queues.get(subscriber.queue) ?? []), subscriber]);
    }
    for (const members of queues.values()) this.#pick(members)?.deliver(packet);
    return heard;
  }

  #listeners(subject: string): Subscriber[] {
    const literal = this.#literal.get(subject) ?? [];
    return [...literal, ...[...this.#wild].filter((each) => matches(each.subject, subject))];
  }

  #pick(members: readonly Subscriber[]): Subscriber | undefined {
    return members[Math.floor(this.#random() * members.length)];
  }
}
