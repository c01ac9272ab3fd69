import { beforeEach, describe, expect, it } from "vitest";
import type { Broker, Delivery, InMessage } from "../../src/broker/port.ts";
import type { FaultPlan } from "../../src/broker/simulated/faults.ts";
import { SimulatedServer } from "../../src/broker/simulated/server.ts";
import { WriteUnknown } from "../../src/errors.ts";
import { VirtualClock } from "../../src/runtime/virtual-clock.ts";
import { streamPlan } from "../support/stream-plan.ts";
import { Mailbox } from "./mailbox.ts";
import { emptyPlan, LEASE_MS, numbers, texts } from "./scene.ts";

/** What the hooks of the server under test do; each test sets its own. */
let faults: FaultPlan;
let clock: VirtualClock;
let server: SimulatedServer;
let broker: Broker;

beforeEach(async () => {
  faults = {};
  clock = new VirtualClock();
  server = new SimulatedServer({
    clock,
    random: () => 0,
    faults: {
      onPublish: (passage) => faults.onPublish?.(passage) ?? "pass",
      onPublishAck: (passage) => faults.onPublishAck?.(passage) ?? "pass",
      onDeliver: (passage) => faults.onDeliver?.(passage) ?? "pass",
      onSettle: (passage) => faults.onSettle?.(passage) ?? "pass",
      onCore: (passage) => faults.onCore?.(passage) ?? "pass",
    },
  });
  broker = server.connect("client");
  const stream = streamPlan("s", { retention: "workqueue" });
  const consumer = { stream: "S", name: "workers", filter: "s.>", ackWaitMs: LEASE_MS, maxAckPending: 100 };
  await broker.ensure({ ...emptyPlan(), streams: [stream], consumers: [consumer] });
});

async function consume(credit: number) {
  const deliveries = new Mailbox<Delivery>();
  const consumption = await broker.consume({ stream: "S", consumer: "workers", onDelivery: deliveries.put });
  consumption.request(credit);
  return { deliveries, consumption };
}

async function fill(count: number): Promise<void> {
  for (const data of numbers(count)) await broker.store({ subject: "s.a", data });
}

describe("a fault plan", () => {
  it("loses a store on its way: unknown to the publisher, and not there", async () => {
    faults = { onPublish: () => "drop" };
    const lost = expect(broker.store({ subject: "s.a" })).rejects.toBeInstanceOf(WriteUnknown);
    await clock.advance(5_000);
    await lost;
    expect(await broker.streamState("S")).toMatchObject({ messages: 0 });
  });

  it("loses an acknowledgement: unknown to the publisher, and there", async () => {
    faults = { onPublishAck: ({ subject }) => (subject === "s.a" ? "drop" : "pass") };
    const lost = expect(broker.store({ subject: "s.a" })).rejects.toBeInstanceOf(WriteUnknown);
    await broker.store({ subject: "s.b" });
    await clock.advance(5_000);
    await lost;
    expect(await broker.streamState("S")).toMatchObject({ messages: 2 });
  });

  it("doubles a store, which only a message id makes harmless", async () => {
    faults = { onPublish: () => "twice" };
    await broker.store({ subject: "s.a", msgId: "id" });
    expect(await broker.streamState("S")).toMatchObject({ messages: 1 });
    await broker.store({ subject: "s.a" });
    expect(await broker.streamState("S")).toMatchObject({ messages: 3 });
  });

  it("lets a later store overtake one that it delays", async () => {
    faults = { onPublish: ({ subject }) => (subject === "s.slow" ? { delayMs: 100 } : "pass") };
    const slow = broker.store({ subject: "s.slow" });
    expect((await broker.store({ subject: "s.fast" })).seq).toBe(1);
    await clock.advance(100);
    expect((await slow).seq).toBe(2);
  });

  it("doubles a delivery without using up credit twice", async () => {
    faults = { onDeliver: () => "twice" };
    const { deliveries, consumption } = await consume(3);
    await fill(1);
    const both = await deliveries.take(2);
    expect(both.map((each) => [each.seq, each.deliveries])).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(consumption.outstanding).toBe(2);
  });

  it("loses a delivery until its lease runs out, and no credit with it", async () => {
    faults = { onDeliver: ({ deliveries }) => (deliveries === 1 ? "drop" : "pass") };
    const { deliveries, consumption } = await consume(1);
    await fill(1);
    expect(deliveries.all).toHaveLength(0);
    expect(consumption.outstanding).toBe(1);
    await clock.advance(LEASE_MS);
    expect(await deliveries.one()).toMatchObject({ seq: 1, deliveries: 2 });
  });

  it("reorders deliveries", async () => {
    faults = { onDeliver: ({ seq }) => ({ delayMs: 100 - seq }) };
    const { deliveries } = await consume(3);
    await fill(3);
    await clock.advance(100);
    expect(texts(deliveries.all)).toEqual(["3", "2", "1"]);
  });

  it("delays a delivery until its taker has stopped, who gives it back at once", async () => {
    faults = { onDeliver: ({ deliveries }) => (deliveries === 1 ? { delayMs: 10 } : "pass") };
    const leaving = await consume(1);
    await fill(1);
    await leaving.consumption.stop();
    const staying = await consume(1);
    await clock.advance(10);
    expect(leaving.deliveries.all).toHaveLength(0);
    expect(await staying.deliveries.one()).toMatchObject({ seq: 1, deliveries: 2 });
  });

  it("loses a settlement: the message comes again", async () => {
    faults = { onSettle: ({ deliveries }) => (deliveries === 1 ? "drop" : "pass") };
    const { deliveries } = await consume(2);
    await fill(1);
    (await deliveries.one()).ack();
    await clock.advance(LEASE_MS);
    (await deliveries.one()).ack();
    await broker.flush();
    expect(await broker.streamState("S")).toMatchObject({ messages: 0 });
  });

  it("loses, doubles and delays core messages", async () => {
    faults = {
      onCore: ({ subject }) => (({ a: "drop", b: "twice", c: { delayMs: 50 } })[subject] ?? "pass") as "pass",
    };
    const heard = new Mailbox<InMessage>();
    for (const subject of ["a", "b", "c", "d"]) broker.subscribe(subject, heard.put);
    for (const subject of ["a", "b", "c", "d"]) broker.publish({ subject });
    await clock.advance(50);
    expect(heard.all.map((each) => each.subject)).toEqual(["b", "b", "d", "c"]);
  });
});

describe("a killed simulated client", () => {
  it("has calls that never settle, and sends nothing more", async () => {
    const doomed = server.connect("doomed");
    let settled = 0;
    const calls = [
      doomed.store({ subject: "s.a" }),
      doomed.request({ subject: "nobody" }, { timeoutMs: 10 }),
      doomed.gather({ subject: "nobody" }, { timeoutMs: 10 }),
      doomed.streamState("S"),
    ];
    for (const call of calls) call.finally(() => settled++).catch(() => {});
    doomed.kill();
    void doomed.store({ subject: "s.a" });
    doomed.publish({ subject: "s.a" });
    await clock.advance(60_000);
    expect(settled).toBe(0);
    expect(await broker.streamState("S")).toMatchObject({ messages: 0 });
  });

  it("stays dead when the server restarts", async () => {
    const doomed = server.connect("doomed");
    doomed.kill();
    server.restart();
    doomed.publish({ subject: "s.a" });
    await clock.advance(1);
    expect(await broker.streamState("S")).toMatchObject({ messages: 0 });
  });
});

describe("a simulated server", () => {
  it("loses what was under way when it stops, and gets what was sent while it was down", async () => {
    const underWay = expect(broker.store({ subject: "s.a", data: "lost" })).rejects.toBeInstanceOf(
      WriteUnknown,
    );
    server.stop();
    const waiting = broker.store({ subject: "s.a", data: "kept" });
    await clock.advance(1_000);
    server.start();
    expect((await waiting).seq).toBe(1);
    await clock.advance(5_000);
    await underWay;
  });

  it("takes no connections while it is stopped", () => {
    server.stop();
    expect(() => server.connect("late")).toThrow("stopped");
    server.start();
    server.connect("in time");
  });

  it("leaves no timer behind once nothing is out", async () => {
    const { deliveries } = await consume(5);
    await fill(5);
    for (const delivery of await deliveries.take(5)) delivery.ack();
    await broker.flush();
    expect(clock.pendingTimers).toBe(0);
  });
});
