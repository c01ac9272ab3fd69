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
    const listeners = this.#listeners(packet.subject);
    let queues: Map<string, Subscriber[]> | undefined;
    for (const subscriber of listeners) {
      if (subscriber.queue === undefined) subscriber.deliver(packet);
      else queues = withMember(queues ?? new Map(), subscriber.queue, subscriber);
    }
    for (const members of queues?.values() ?? []) this.#pick(members)?.deliver(packet);
    return listeners.length > 0;
  }

  /** Those of now: who is told may change who listens. */
  #listeners(subject: string): Subscriber[] {
    const listeners = [...(this.#literal.get(subject) ?? [])];
    for (const each of this.#wild) if (matches(each.subject, subject)) listeners.push(each);
    return listeners;
  }

  #pick(members: readonly Subscriber[]): Subscriber | undefined {
    return members[Math.floor(this.#random() * members.length)];
  }
}

function withMember(
  queues: Map<string, Subscriber[]>,
  queue: string,
  member: Subscriber,
): Map<string, Subscriber[]> {
  const members = queues.get(queue);
  if (members === undefined) queues.set(queue, [member]);
  else members.push(member);
  return queues;
}
