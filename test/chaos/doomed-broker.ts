/** A broker at whose calls the process can be made to die, and which writes down what the actor holds. */
import type { Broker, Bucket, ConsumeOptions, Delivery } from "../../src/broker/port.ts";
import { stepOfPurge, stepOfSubject } from "./crash-points.ts";
import type { History, Role } from "./history.ts";

/** Makes the process die when it passes one of these points for the `passes`-th time, counted over all of them. */
export interface Doom {
  points: readonly string[];
  passes: number;
}

export class Crasher {
  readonly role: Role;
  readonly history: History;
  #doom: Doom | undefined;

  constructor(role: Role, history: History) {
    this.role = role;
    this.history = history;
  }

  /** Arms one point; undefined disarms. */
  arm(doom: Doom | undefined): void {
    this.#doom = doom;
  }

  /** The process is at this side of a step; it dies here if it is doomed to. */
  pass(step: string, side: "before" | "after"): void {
    const point = `${this.role}.${step}.${side}`;
    if (this.#isDue(point)) this.#die(point);
  }

  /** Behind a call that nothing answers: the server must have it before the process dies. */
  passAfter(step: string, flush: () => Promise<void>): void {
    const point = `${this.role}.${step}.after`;
    if (!this.#isDue(point)) return;
    const die = () => this.#die(point);
    flush().then(die, die);
  }

  async around<T>(step: string, call: () => Promise<T>): Promise<T> {
    this.pass(step, "before");
    const result = await call();
    this.pass(step, "after");
    return result;
  }

  #isDue(point: string): boolean {
    if (this.#doom?.points.includes(point) !== true) return false;
    this.#doom.passes--;
    return this.#doom.passes === 0;
  }

  #die(point: string): void {
    this.history.write({ what: "crash", point });
    process.kill(process.pid, "SIGKILL");
  }
}

/** Puts the crasher in the way of all that changes something. */
export function doomed(broker: Broker, crasher: Crasher): Broker {
  const store = broker.store.bind(broker);
  const storeBatch = broker.storeBatch.bind(broker);
  const publish = broker.publish.bind(broker);
  const purge = broker.purge.bind(broker);
  const consume = broker.consume.bind(broker);
  const bucket = broker.bucket.bind(broker);
  const tail = broker.tail.bind(broker);
  const flush = () => broker.flush();
  return Object.assign(broker, {
    store: (message) => crasher.around(stepOfSubject(message.subject), () => store(message)),
    storeBatch: (messages) => crasher.around("batch", () => storeBatch(messages)),
    publish: (message) => {
      const step = stepOfSubject(message.subject);
      crasher.pass(step, "before");
      publish(message);
      crasher.passAfter(step, flush);
    },
    purge: (stream, subject, beforeSeq) =>
      crasher.around(stepOfPurge(subject), () => purge(stream, subject, beforeSeq)),
    consume: (options) => consume(doomedConsumption(options, crasher, flush)),
    bucket: async (name) => doomedBucket(await bucket(name), crasher),
    tail: async (options) => {
      const opened = await tail(options);
      crasher.history.write({ what: "resume", key: options.filter });
      return opened;
    },
  } satisfies Partial<Broker>);
}

// ── what is held ───────────────────────────────────────────────────────────────────────────────────────────────

function doomedConsumption(
  options: ConsumeOptions,
  crasher: Crasher,
  flush: () => Promise<void>,
): ConsumeOptions {
  const onDelivery = (delivery: Delivery) => {
    const key = `${delivery.subject} ${delivery.seq}`;
    crasher.history.write({ what: "take", key });
    const settling = (step: string, settle: () => void) => {
      crasher.pass(step, "before");
      settle();
      crasher.passAfter(step, flush);
      if (step !== "extend") crasher.history.write({ what: "settle", key });
    };
    options.onDelivery(settledBy(delivery, settling));
  };
  return { ...options, onDelivery };
}

function settledBy(delivery: Delivery, settling: (step: string, settle: () => void) => void): Delivery {
  const { ack, nak, working, term } = delivery;
  return Object.assign(delivery, {
    ack: () => settling("ack", () => ack.call(delivery)),
    nak: (delayMs?: number) => settling("give-back", () => nak.call(delivery, delayMs)),
    working: () => settling("extend", () => working.call(delivery)),
    term: (reason: string) => settling("drop", () => term.call(delivery, reason)),
  });
}

function doomedBucket(bucket: Bucket, crasher: Crasher): Bucket {
  const claimed = (key: string) => crasher.history.write({ what: "claim", key });
  const written = async (step: string, key: string, write: () => Promise<number>) => {
    const revision = await crasher.around(step, write);
    claimed(key);
    return revision;
  };
  return {
    get: (key) => bucket.get(key),
    create: (key, value) => written("claim", key, () => bucket.create(key, value)),
    update: (key, value, revision) => written("renew", key, () => bucket.update(key, value, revision)),
    remove: async (key, revision) => {
      await bucket.remove(key, revision);
      crasher.history.write({ what: "settle", key });
    },
  };
}
