import { describe, expect, it } from "vitest";
import type { ActorContext } from "../../src/actors/context.ts";
import { ResultStore } from "../../src/actors/worker/result-store.ts";
import type { Stored, StoreMessage } from "../../src/broker/port.ts";
import { encodeResult, type Result } from "../../src/protocol/messages.ts";
import { Names, partitionOf } from "../../src/protocol/names.ts";
import { resultsIn } from "../../src/protocol/pack.ts";
import type { Tally } from "../../src/protocol/receipt.ts";
import { SpecDecoder } from "../../src/protocol/spec.ts";

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
const tally: Tally = {
  ...{ outputs: 1, attempts: 1, slots: 1 },
  ...{ inputDigest: [1, 2], outputDigest: [3, 4] },
  ...{ began: 1_764_000_000_000, ended: 1_764_000_000_001 },
};
const resultOf = (from: number, text = `[${from}]`, job = "j"): Result => ({
  spec: {
    ...{ job, kind: "double", priority: "normal", total: 10, reduce: { name: "collect", params: {} } },
    ...{ backoffMs: 100, onError: "fail", submitted: 0 },
  },
  ...{ from, count: 1, partial: text, failures: [], handlerMs: 0.5, worker: "w", tally },
});

function setUp() {
  const broker = new HeldBroker();
  const context = { broker, names: new Names(), partitions: 4 };
  const store = new ResultStore(context as unknown as ActorContext);
  const put = (result: Result) => store.store(result, undefined, signal);
  return { broker, put };
}

const partialsOf = ({ subject, headers = {}, data = "" }: StoreMessage) =>
  resultsIn({ subject, headers, data: Buffer.from(data as string) }, new SpecDecoder(), 1e6).map(
    ({ result }) => result.partial,
  );
/** All that follows from what was done so far without waiting for a broker. */
const settled = () => new Promise(setImmediate);

describe("the results of a worker", () => {
  it("go at once, as they are, where none is on its way", async () => {
    const { broker, put } = setUp();
    void put(resultOf(0));
    await settled();
    expect(broker.writes.map(({ message }) => message)).toEqual([
      { subject: new Names().result(partitionOf("j", 4), "j"), ...encodeResult(resultOf(0)) },
    ]);
  });

  it("go together where they came while one was on its way, and are stored when that is", async () => {
    const { broker, put } = setUp();
    const first = put(resultOf(0));
    await settled();
    const others = [1, 2, 3].map((from) => put(resultOf(from)));
    await settled();
    expect(broker.writes).toHaveLength(1);
    broker.writes[0]?.stored();
    await first;
    await settled();
    expect(broker.writes.slice(1).map(({ message }) => partialsOf(message))).toEqual([["[1]", "[2]", "[3]"]]);
    broker.writes[1]?.stored();
    await Promise.all(others);
    void put(resultOf(4));
    await settled();
    expect(partialsOf(broker.writes[2]?.message as StoreMessage)).toEqual(["[4]"]);
  });

  it("do not wait for those of another job", async () => {
    const { broker, put } = setUp();
    void put(resultOf(0));
    void put(resultOf(0, "[0]", "k"));
    await settled();
    expect(broker.writes).toHaveLength(2);
  });

  it("do not wait for company where they are large, or where something failed in them", async () => {
    const { broker, put } = setUp();
    void put(resultOf(0));
    void put(resultOf(1, "x".repeat(70_000)));
    void put({ ...resultOf(2), failures: [{ index: 2, code: "c", message: "m", attempts: 1 }] });
    await settled();
    expect(broker.writes).toHaveLength(3);
  });

  it("share no message with those that know another number of items", async () => {
    const { broker, put } = setUp();
    const { total: _, ...open } = resultOf(0).spec;
    const all = [put(resultOf(0)), put(resultOf(1)), put({ ...resultOf(2), spec: open }), put(resultOf(3))];
    await storeAll(broker);
    await Promise.all(all);
    expect(broker.writes.map(({ message }) => partialsOf(message).length)).toEqual([1, 1, 1, 1]);
  });

  it("keep to the size of a message together", async () => {
    const { broker, put } = setUp();
    const all = Array.from({ length: 10 }, (_, from) => put(resultOf(from, "x".repeat(20_000))));
    await storeAll(broker);
    await Promise.all(all);
    expect(broker.writes.map(({ message }) => partialsOf(message).length)).toEqual([1, 3, 3, 3]);
  });

  it("all fail with the write that was to store them", async () => {
    const { broker, put } = setUp();
    const first = put(resultOf(0));
    const others = [1, 2].map((from) => put(resultOf(from)));
    await settled();
    broker.writes[0]?.stored();
    await first;
    await settled();
    broker.writes[1]?.refuse(new Error("no"));
    const ends = await Promise.allSettled(others);
    expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});

async function storeAll({ writes }: HeldBroker): Promise<void> {
  await settled();
  for (let at = 0; at < writes.length; at++) {
    writes[at]?.stored();
    await settled();
  }
}
