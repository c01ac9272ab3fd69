import { setImmediate as immediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Broker } from "../../src/broker/port.ts";
import { NO_DIGEST } from "../../src/domain/item-digest.ts";
import { BrokerUnreachable, connect, NoFleet, range } from "../../src/index.ts";
import { encodeResult } from "../../src/protocol/messages.ts";
import { Names, partitionOf } from "../../src/protocol/names.ts";
import { testMuster } from "../../src/testing/index.ts";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";
import { startProxy } from "../support/proxy.ts";

describe("a program whose broker", () => {
  it("is not there is told so", async () => {
    const connecting = connect({ server: "nats://127.0.0.1:1", env: {} });
    await expect(connecting).rejects.toBeInstanceOf(BrokerUnreachable);
  });

  it("has no fleet is told so", async () => {
    const server = await serverOnDisk();
    await expect(connect({ server: server.url, env: {} })).rejects.toBeInstanceOf(NoFleet);
    await server.remove();
  });
});

describe("a program whose connection", () => {
  let server: ServerOnDisk;
  let fleet: Fleet;
  beforeAll(async () => {
    server = await serverOnDisk();
    fleet = await Fleet.join(server.url);
    await fleet.startAll();
  });
  afterAll(async () => {
    await fleet?.stop();
    await server?.remove();
  });

  async function cuttable() {
    const proxy = await startProxy(server.port);
    const muster = await connect({ server: `127.0.0.1:${proxy.port}`, env: {} });
    const close = async () => {
      await muster.close();
      await proxy.stop();
    };
    return { proxy, muster, close };
  }

  it("breaks off while it waits gets its result when it is back", async () => {
    const { proxy, muster, close } = await cuttable();
    const job = muster.map("sleep", [200, 200, 200], { chunk: 1 });
    await job.accepted();
    const waiting = job.result();
    proxy.cut();
    await fleet.client.outcome(job.id);
    proxy.heal();
    expect(await waiting).toEqual([200, 200, 200]);
    await close();
  });

  it("breaks off while it reads outputs gets each of them, and none twice", async () => {
    const { proxy, muster, close } = await cuttable();
    const job = muster.map<number>("echo", range(20_000), { chunk: 10 });
    const found: number[] = [];
    for await (const output of job.outputs()) {
      found.push(output);
      if (found.length === 100) proxy.cut();
      if (found.length === 100) setTimeout(() => proxy.heal(), 100);
    }
    expect(found).toEqual([...range(20_000)]);
    await close();
  });

  it("is away while it hands a job in hands it in once, when it is back", async () => {
    const { proxy, muster, close } = await cuttable();
    proxy.cut();
    const job = muster.map("double", [1, 2]);
    setTimeout(() => proxy.heal(), 100);
    expect(await job).toEqual([2, 4]);
    await close();
  });

  it("is lost for ever leaves its job behind, which goes on", async () => {
    const { proxy, muster, close } = await cuttable();
    const job = muster.map("sleep", [100]);
    await job.accepted();
    proxy.cut();
    expect((await fleet.client.outcome(job.id)).state).toBe("succeeded");
    await close();
  });
});

describe("a program that reads outputs slowly", () => {
  const RESULTS = 4_000;
  /** Results that wait to be taken, and those that the broker may deliver before any of them is. */
  const MOST_HELD = 2 * 1_024;

  /** Stores what workers would: results of one item each, of a job that is over when all of its items are counted. */
  async function storeResults(broker: Broker, job: string, from: Iterable<number>): Promise<void> {
    const subject = new Names().result(partitionOf(job, 1), job);
    const submitted = Date.now();
    const reduce = { name: "collect", params: {} };
    const plain = { kind: "echo", priority: "normal", backoffMs: 1, onError: "fail" } as const;
    const spec = { ...plain, job, submitted, reduce, total: RESULTS };
    const tally = {
      ...{ outputs: 1, attempts: 1, inputDigest: NO_DIGEST, outputDigest: NO_DIGEST },
      ...{ began: submitted, ended: submitted, slots: 1 },
    };
    const worker = { failures: [], handlerMs: 0, worker: "w", tally };
    const results = [...from].map((n) =>
      encodeResult({ spec, from: n, count: 1, partial: `[${n}]`, ...worker }),
    );
    await Promise.all(results.map((result) => broker.store({ subject, ...result })));
  }

  it.each([true, false])("takes no more of them than it can hold (ordered: %s)", async (ordered) => {
    await using muster = await testMuster();
    const { broker } = muster.client;
    let taken = 0;
    const tail = broker.tail.bind(broker);
    broker.tail = ({ onMessage, ...options }) =>
      tail({
        ...options,
        onMessage: (message) => {
          taken++;
          onMessage(message);
        },
      });
    await storeResults(broker, "slow", range(RESULTS - 1));
    const outputs = muster.job<number>("slow").outputs({ ordered });
    const found = [(await outputs.next()).value];
    while (taken < MOST_HELD - 1) await immediate();
    for (let turn = 0; turn < 100; turn++) await immediate();
    expect(taken).toBeLessThanOrEqual(MOST_HELD + 1);
    await storeResults(broker, "slow", [RESULTS - 1]);
    for await (const output of outputs) found.push(output);
    expect(ordered ? found : found.sort((a, b) => Number(a) - Number(b))).toEqual([...range(RESULTS)]);
  });
});
