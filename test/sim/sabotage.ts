/**
 * Bugs that are planted one at a time, to see that the checker can fail. Each changes what an actor asks of its broker, as
 * if the actor had been written so; the actors themselves are let be.
 */
import type { Broker, Delivery, StoreMessage } from "../../src/broker/port.ts";
import { Coverage } from "../../src/domain/coverage.ts";

export interface Sabotage {
  /** What is wrong, as a reviewer would say it. */
  bug: string;
  /** One that caught it, as scenarios are drawn today. */
  seed: number;
  /** Changes the broker of one process. */
  broker?(broker: Broker, role: string): void;
  /** Changes the machines; returns what undoes it. */
  machines?(): () => void;
}

export const SABOTAGES: Readonly<Record<string, Sabotage>> = {
  "task-acked-first": {
    bug: "a worker acknowledges a task before its result is stored",
    seed: 11,
    broker: (broker, role) => role === "worker" && onDeliveries(broker, (delivery) => delivery.ack()),
  },
  "job-acked-first": {
    bug: "a dispatcher acknowledges a job when it takes it, not when its outcome stands",
    seed: 0,
    broker: (broker, role) => role === "dispatcher" && onDeliveries(broker, (delivery) => delivery.ack()),
  },
  "outcome-without-cas": {
    bug: "an outcome is written without compare-and-set",
    seed: 7,
    broker: (broker) => withoutExpectation(broker, ".outcomes."),
  },
  "cursor-without-cas": {
    bug: "the cursor is moved without compare-and-set",
    seed: 136,
    broker: (broker) => withoutExpectation(broker, ".cursors."),
  },
  "no-deduplication": {
    bug: "a result counts however often it comes",
    seed: 7,
    machines: countEverything,
  },
  "result-not-retried": {
    bug: "a worker takes a result for stored when no answer came",
    seed: 71,
    broker: (broker, role) => role === "worker" && ignoreFailures(broker, ".results."),
  },
  "lease-not-renewed": {
    bug: "a worker does not renew the leases of its tasks",
    seed: 2,
    broker: (broker, role) =>
      role === "worker" &&
      onDeliveries(broker, (delivery) => {
        delivery.working = () => {};
      }),
  },
  "states-not-checkpointed": {
    bug: "the position of a partition moves past results that no job's checkpoint has",
    seed: 52,
    broker: (broker) => dropStores(broker, /\.checkpoints\.\d+\./),
  },
  "trimmed-too-far": {
    bug: "results are trimmed up to the newest, not up to the position",
    seed: 9,
    broker: (broker) => {
      const purge = broker.purge.bind(broker);
      broker.purge = (stream, subject) => purge(stream, subject);
    },
  },
  "credit-twice": {
    bug: "a dispatcher counts what came back twice",
    seed: 4,
    broker: (broker, role) => role === "dispatcher" && doubleCredit(broker),
  },
  "chunks-change-at-takeover": {
    bug: "a small job that is taken over is cut otherwise than before",
    seed: 574,
    broker: (broker, role) =>
      role === "dispatcher" &&
      onDeliveries(broker, (delivery) => {
        if (delivery.deliveries === 1) return;
        const headers = { ...delivery.headers, "Muster-chunk": "5" };
        Object.defineProperty(delivery, "headers", { value: headers });
      }),
  },
  "no-tombstone": {
    bug: "the cursor of a job that is over is left open",
    seed: 0,
    broker: (broker) => dropStores(broker, /\.cursors\./),
  },
  "dead-letters-lost": {
    bug: "a dead letter is taken for stored when no answer came",
    seed: 762,
    broker: (broker, role) => role === "worker" && ignoreFailures(broker, ".dead."),
  },
};

/** Does something to each delivery before the actor has it. */
function onDeliveries(broker: Broker, change: (delivery: Delivery) => void): void {
  const consume = broker.consume.bind(broker);
  broker.consume = (options) =>
    consume({
      ...options,
      onDelivery: (delivery) => {
        change(delivery);
        options.onDelivery(delivery);
      },
    });
}

function withoutExpectation(broker: Broker, word: string): void {
  const store = broker.store.bind(broker);
  const storeBatch = broker.storeBatch.bind(broker);
  const strip = (message: StoreMessage): StoreMessage => {
    const { expectLast: _, ...rest } = message;
    return message.subject.includes(word) ? rest : message;
  };
  broker.store = (message) => store(strip(message));
  broker.storeBatch = (messages) => storeBatch(messages.map(strip));
}

function ignoreFailures(broker: Broker, word: string): void {
  const store = broker.store.bind(broker);
  broker.store = async (message) => {
    if (!message.subject.includes(word)) return await store(message);
    return await store(message).catch(() => ({ stream: "", seq: 0, duplicate: false }));
  };
}

function dropStores(broker: Broker, subject: RegExp): void {
  const store = broker.store.bind(broker);
  broker.store = async (message) => {
    if (!subject.test(message.subject)) return await store(message);
    await broker.flush().catch(() => {});
    return { stream: "", seq: 0, duplicate: false };
  };
}

type WireLine = [job: string, tasks: number, ...rest: unknown[]];

function doubleCredit(broker: Broker): void {
  const subscribe = broker.subscribe.bind(broker);
  broker.subscribe = (subject, onMessage, queue) => {
    if (!subject.endsWith(".control.progress")) return subscribe(subject, onMessage, queue);
    return subscribe(subject, (message) => {
      const { jobs } = JSON.parse(Buffer.from(message.data).toString()) as { jobs: WireLine[] };
      const doubled = jobs.map(([job, tasks, ...rest]) => [job, tasks * 2, ...rest]);
      onMessage({ ...message, data: Buffer.from(JSON.stringify({ jobs: doubled })) });
    });
  };
}

function countEverything(): () => void {
  const { add } = Coverage.prototype;
  Coverage.prototype.add = function (from, count) {
    add.call(this, from, count);
    return "new";
  };
  return () => {
    Coverage.prototype.add = add;
  };
}
