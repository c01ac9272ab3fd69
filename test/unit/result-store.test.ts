import { describe, expect, it } from "vitest";
import type { ActorContext } from "../../src/actors/context.ts";
import { ResultStore } from "../../src/actors/worker/result-store.ts";
import type { Stored, StoreMessage } from "../../src/broker/port.ts";
import { decodePack } from "../../src/protocol/pack.ts";

/** A broker that keeps every write waiting until it is told how it ended. */
class HeldBroker {
  readonly maxPayload: number = 1024 * 1024;
  readonly writes: { message: StoreMessage; stored(): void; refuse(error: Error): void }[] = [];

  store(message: StoreMessage): Promise<Stored> {
    return new Promise((resolve, reject) => {
      const stored = () => resolve({ stream: "S", seq: this.writes.length, duplicate: false });
      this.writes.push({ message, stored, refuse: reject });
    });
  }
}

const { signal } = new AbortController();
const subject = "muster.results.0.j";
const resultOf = (from: number, text = `[${from}]`) => ({
  subject,
  headers: { "Muster-Spec": "{}", "Muster-Items": `${from}-${from}/9` },
  data: text,
});

function setUp() {
  const broker = new HeldBroker();
  const store = new ResultStore({ broker } as unknown as ActorContext);
  return { broker, store };
}

const bodiesOf = ({ headers = {}, data = "" }: StoreMessage) =>
  decodePack({ subject, headers, data: Buffer.from(data as string) }).map((part) =>
    Buffer.from(part.data).toString(),
  );

describe("the results of a worker", () => {
  it("go at once, as they are, where none is on its way", () => {
    const { broker, store } = setUp();
    void store.store(resultOf(0), signal);
    expect(broker.writes.map(({ message }) => message)).toEqual([resultOf(0)]);
  });

  it("go together where they came while one was on its way, and are stored when that is", async () => {
    const { broker, store } = setUp();
    const first = store.store(resultOf(0), signal);
    const others = [1, 2, 3].map((from) => store.store(resultOf(from), signal));
    expect(broker.writes).toHaveLength(1);
    broker.writes[0]?.stored();
    await first;
    await Promise.resolve();
    expect(broker.writes.slice(1).map(({ message }) => bodiesOf(message))).toEqual([["[1]", "[2]", "[3]"]]);
    broker.writes[1]?.stored();
    await Promise.all(others);
    void store.store(resultOf(4), signal);
    expect(broker.writes.at(-1)?.message).toEqual(resultOf(4));
  });

  it("do not wait for those of another job", () => {
    const { broker, store } = setUp();
    void store.store(resultOf(0), signal);
    void store.store({ ...resultOf(0), subject: "muster.results.1.k" }, signal);
    expect(broker.writes).toHaveLength(2);
  });

  it("do not wait for company where they are large", () => {
    const { broker, store } = setUp();
    void store.store(resultOf(0), signal);
    void store.store(resultOf(1, "x".repeat(70_000)), signal);
    expect(broker.writes).toHaveLength(2);
  });

  it("keep to the size of a message together", async () => {
    const { broker, store } = setUp();
    const all = Array.from({ length: 10 }, (_, from) =>
      store.store(resultOf(from, "x".repeat(20_000)), signal),
    );
    for (let at = 0; at < broker.writes.length; at++) {
      broker.writes[at]?.stored();
      await new Promise(setImmediate);
    }
    await Promise.all(all);
    expect(broker.writes.map(({ message }) => bodiesOf(message).length)).toEqual([1, 3, 3, 3]);
  });

  it("all fail with the write that was to store them", async () => {
    const { broker, store } = setUp();
    const first = store.store(resultOf(0), signal);
    const others = [1, 2].map((from) => store.store(resultOf(from), signal));
    broker.writes[0]?.stored();
    await first;
    await Promise.resolve();
    broker.writes[1]?.refuse(new Error("no"));
    const ends = await Promise.allSettled(others);
    expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});
