/** A durable consumer of the simulated server: who may have which message, and until when. */
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { ConsumerPlan, ConsumerState } from "../port.ts";
import type { StoredMessage } from "./messages.ts";
import { soon } from "./soon.ts";
import type { SimulatedStream, StreamReader } from "./stream.ts";

/** A client's standing request for messages. */
export interface Pull {
  /** How many more it takes. */
  left: number;
  deliver(message: StoredMessage, deliveries: number): void;
  /** The consumer is gone; nothing more comes. */
  broken(reason: string): void;
}

/**
 * A message that was delivered and not settled.
 *
 * - `out`: somebody has it, until the lease runs out.
 * - `again`: it waits in the queue for its next delivery.
 */
interface Lease {
  state: "out" | "again";
  /** When the lease runs out, in milliseconds since 1970. */
  until: number;
  deliveries: number;
}

export class SimulatedConsumer implements StreamReader {
  readonly #clock: Clock;
  readonly #stream: SimulatedStream;
  #plan: ConsumerPlan;
  #nextSeq = 1;
  readonly #leases = new Map<number, Lease>();
  /** What is delivered again comes before what is new, in the order in which it came back. */
  #again: number[] = [];
  /** Served in turn, one message each. */
  #pulls: Pull[] = [];
  #alarm: { at: number; timer: Timer } | undefined;
  #pumpScheduled = false;

  constructor(clock: Clock, stream: SimulatedStream, plan: ConsumerPlan) {
    this.#clock = clock;
    this.#stream = stream;
    this.#plan = plan;
    stream.addReader(this);
  }

  get plan(): ConsumerPlan {
    return this.#plan;
  }

  update(plan: ConsumerPlan): void {
    this.#plan = plan;
    this.#schedulePump();
  }

  topUp(pull: Pull, count: number): void {
    pull.left += count;
    if (!this.#pulls.includes(pull)) this.#pulls.push(pull);
    this.#schedulePump();
  }

  dropPull(pull: Pull): void {
    pull.left = 0;
    this.#pulls = this.#pulls.filter((each) => each !== pull);
  }

  /** Any delivery of a message may settle it, also one whose lease ran out meanwhile. */
  ack(seq: number): void {
    if (!this.#leases.has(seq)) return;
    this.#forget(seq);
    if (this.#stream.plan.retention === "workqueue") this.#stream.remove(seq);
  }

  /** Like {@link ack}: a terminated message leaves a work queue too. */
  term(seq: number): void {
    this.ack(seq);
  }

  nak(seq: number, delayMs: number): void {
    const lease = this.#leases.get(seq);
    if (lease === undefined) return;
    if (delayMs > 0) this.#extend(lease, delayMs);
    else this.#queueAgain([seq]);
  }

  working(seq: number): void {
    const lease = this.#leases.get(seq);
    if (lease?.state === "out") this.#extend(lease, this.#plan.ackWaitMs);
  }

  onStored(): void {
    this.#schedulePump();
  }

  onRemoved(seq: number): void {
    if (this.#leases.has(seq)) this.#forget(seq);
  }

  state(): ConsumerState {
    const pending = this.#stream.countFrom(this.#nextSeq, this.#plan.filter);
    return { name: this.#plan.name, pending, unacknowledged: this.#leases.size };
  }

  /** The server process was replaced: leases stay, what was about to be delivered again waits for a lease's length. */
  restart(): void {
    this.#again = [];
    for (const lease of this.#leases.values()) {
      if (lease.state === "again") this.#extend(lease, this.#plan.ackWaitMs);
    }
  }

  delete(): void {
    this.#stream.removeReader(this);
    this.#alarm?.timer.cancel();
    this.#leases.clear();
    const pulls = this.#pulls;
    this.#pulls = [];
    for (const pull of pulls) pull.broken("consumer deleted");
  }

  #forget(seq: number): void {
    this.#leases.delete(seq);
    this.#schedulePump();
    if (this.#leases.size > 0) return;
    this.#alarm?.timer.cancel();
    this.#alarm = undefined;
  }

  #extend(lease: Lease, ms: number): void {
    lease.state = "out";
    lease.until = this.#clock.now() + ms;
    this.#setAlarm(lease.until);
  }

  #queueAgain(seqs: readonly number[]): void {
    for (const seq of seqs) {
      const lease = this.#leases.get(seq);
      if (lease?.state !== "out") continue;
      lease.state = "again";
      this.#again.push(seq);
    }
    this.#schedulePump();
  }

  /** Deliveries happen after the change that caused them is complete. */
  #schedulePump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    soon(() => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#pulls.length > 0) {
      const message = this.#nextAgain() ?? this.#nextNew();
      if (message === undefined) return;
      this.#deliver(message);
    }
  }

  #nextAgain(): StoredMessage | undefined {
    for (let seq = this.#again.shift(); seq !== undefined; seq = this.#again.shift()) {
      if (this.#leases.get(seq)?.state !== "again") continue;
      const message = this.#stream.at(seq);
      if (message !== undefined) return message;
    }
    return undefined;
  }

  #nextNew(): StoredMessage | undefined {
    if (this.#leases.size >= this.#plan.maxAckPending) return undefined;
    const message = this.#stream.next(this.#nextSeq, this.#plan.filter);
    if (message !== undefined) this.#nextSeq = message.seq + 1;
    return message;
  }

  #deliver(message: StoredMessage): void {
    const deliveries = (this.#leases.get(message.seq)?.deliveries ?? 0) + 1;
    const lease: Lease = { state: "out", until: 0, deliveries };
    this.#leases.set(message.seq, lease);
    this.#extend(lease, this.#plan.ackWaitMs);
    this.#takeTurn()?.deliver(message, deliveries);
  }

  #takeTurn(): Pull | undefined {
    const pull = this.#pulls.shift();
    if (pull !== undefined && --pull.left > 0) this.#pulls.push(pull);
    return pull;
  }

  /** One timer serves all leases: it rings for the earliest, and looks at all when it does. */
  #setAlarm(at: number): void {
    if (this.#alarm !== undefined && this.#alarm.at <= at) return;
    this.#alarm?.timer.cancel();
    this.#alarm = { at, timer: this.#clock.after(at - this.#clock.now(), () => this.#onAlarm()) };
  }

  #onAlarm(): void {
    this.#alarm = undefined;
    const now = this.#clock.now();
    const out = [...this.#leases].filter(([, lease]) => lease.state === "out");
    const overdue = out.filter(([, lease]) => lease.until <= now).map(([seq]) => seq);
    this.#queueAgain(overdue.sort((a, b) => a - b));
    for (const [, lease] of out) if (lease.until > now) this.#setAlarm(lease.until);
  }
}
