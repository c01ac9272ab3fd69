/** Ways to change what an actor asks of its broker, or hears from it, as if the actor had been written so. */
import type { Broker, Delivery, StoreMessage, StreamMessage } from "../../src/broker/port.ts";
import { Coverage } from "../../src/domain/coverage.ts";

const NOT_STORED = { stream: "", seq: 0, duplicate: false };

/** Does something to each delivery before the actor has it. */
export function onDeliveries(broker: Broker, change: (delivery: Delivery) => void): void {
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

/** Changes what is stored, whether alone or in a batch. */
export function onStores(
  broker: Broker,
  word: string,
  change: (message: StoreMessage) => StoreMessage,
): void {
  const store = broker.store.bind(broker);
  const storeBatch = broker.storeBatch.bind(broker);
  const changed = (message: StoreMessage) => (message.subject.includes(word) ? change(message) : message);
  broker.store = (message) => store(changed(message));
  broker.storeBatch = (messages) => storeBatch(messages.map(changed));
}

export function withoutExpectation(broker: Broker, word: string): void {
  onStores(broker, word, ({ expectLast: _, ...rest }) => rest);
}

/** Whatever came of a store, it is taken for stored. */
export function ignoreFailures(broker: Broker, word: string): void {
  const store = broker.store.bind(broker);
  broker.store = async (message) => {
    if (!message.subject.includes(word)) return await store(message);
    return await store(message).catch(() => NOT_STORED);
  };
}

/** What is stored there is not, and seems to be. */
export function dropStores(broker: Broker, subject: RegExp): void {
  const store = broker.store.bind(broker);
  broker.store = async (message) => {
    if (!subject.test(message.subject)) return await store(message);
    await broker.flush().catch(() => {});
    return NOT_STORED;
  };
}

/** Changes the newest message of a subject as the actor reads it. */
export function onLast(
  broker: Broker,
  word: string,
  change: (message: StreamMessage) => StreamMessage | undefined,
): void {
  const last = broker.last.bind(broker);
  broker.last = async (stream, subject) => {
    const message = await last(stream, subject);
    return message !== undefined && subject.includes(word) ? change(message) : message;
  };
}

/** The same message with other JSON. */
export function withJson<T extends object>(
  message: StreamMessage,
  change: (body: T) => object,
): StreamMessage {
  const body = JSON.parse(Buffer.from(message.data).toString()) as T;
  const { subject, headers, seq, time } = message;
  return { subject, headers, seq, time, data: Buffer.from(JSON.stringify(change(body))) };
}

export type WireLine = [job: string, tasks: number, items: number, ...rest: unknown[]];

/** Changes the lines of a progress message. */
export function withLines(data: Uint8Array | string, change: (line: WireLine) => WireLine): string {
  const { jobs } = JSON.parse(Buffer.from(data).toString()) as { jobs: WireLine[] };
  return JSON.stringify({ jobs: jobs.map(change) });
}

/** Every result counts, whatever was counted before. Returns what undoes it. */
export function countEverything(): () => void {
  const { add } = Coverage.prototype;
  Coverage.prototype.add = function (from, count) {
    add.call(this, from, count);
    return "new";
  };
  return () => {
    Coverage.prototype.add = add;
  };
}
