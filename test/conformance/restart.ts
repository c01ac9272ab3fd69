import { describe, expect, it } from "vitest";
import type { Broker, InMessage } from "../../src/broker/port.ts";
import { Mailbox } from "./mailbox.ts";
import {
  emptyPlan,
  type GetBed,
  LEASE_OVER_MS,
  newTaker,
  numbers,
  openQueue,
  openScene,
  readTail,
  takeFrom,
  text,
  texts,
  uniqueName,
} from "./scene.ts";

/** Resolves when the client is connected again. */
function reconnected(broker: Broker): Promise<void> {
  return new Promise((resolve) => {
    broker.onStatus((status) => {
      if (status.type === "reconnected") resolve();
    });
  });
}

/** Restarts the server and waits until the client is connected again. */
async function restart(bed: GetBed, broker: Broker, options?: { kill?: boolean }): Promise<void> {
  const back = reconnected(broker);
  await bed().restart(options);
  await back;
}

export function restarts(bed: GetBed): void {
  describe("a server that restarts", () => {
    it.each([{ kill: false }, { kill: true }])("keeps what it acknowledged (%o)", async (options) => {
      const scene = await openScene(bed(), { atomicBatches: true });
      await scene.fill(50);
      await scene.broker.storeBatch(numbers(50, 51).map((data) => ({ subject: scene.subject("a"), data })));
      await restart(bed, scene.broker, options);
      expect(texts(await scene.contents())).toEqual(numbers(100));
      expect((await scene.broker.store({ subject: scene.subject("a") })).seq).toBe(101);
    });

    it("keeps sequences going where everything was purged", async () => {
      const scene = await openScene(bed());
      await scene.fill(5);
      await scene.broker.purge(scene.stream, scene.subject(">"));
      await restart(bed, scene.broker);
      expect((await scene.broker.store({ subject: scene.subject("a") })).seq).toBe(6);
    });

    it("has nothing left of streams that were kept in memory", async () => {
      const scene = await openScene(bed(), { storage: "memory" });
      await scene.fill(2);
      await restart(bed, scene.broker);
      await expect(scene.broker.streamState(scene.stream)).rejects.toThrow();
      await scene.broker.ensure({ ...emptyPlan(), streams: [scene.plan] });
      expect((await scene.broker.store({ subject: scene.subject("a") })).seq).toBe(1);
    });

    it("is told to who listens for it", async () => {
      const broker = await bed().connect();
      const statuses = new Mailbox<string>();
      broker.onStatus((status) => statuses.put(status.type));
      await restart(bed, broker);
      expect(await statuses.take(2)).toEqual(["disconnected", "reconnected"]);
    });

    it("has consumptions go on by themselves, with the credit that they had", async () => {
      const scene = await openQueue(bed(), { ackWaitMs: 30_000 });
      const { consumption, deliveries } = await takeFrom(scene);
      await scene.fill(1);
      consumption.request(4);
      (await deliveries.one()).ack();
      await scene.broker.flush();
      await bed().settle();
      await restart(bed, scene.broker);
      expect(consumption.outstanding).toBe(3);
      await scene.fill(5);
      expect(texts(await deliveries.take(3))).toEqual(["1", "2", "3"]);
      await bed().settle();
      expect(deliveries.waiting).toHaveLength(0);
    });

    it("remembers what is out: leases can be settled, and run out, as before", async () => {
      const scene = await openQueue(bed(), { ackWaitMs: 2000 });
      await scene.fill(3);
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(3);
      const [acked, , late] = await deliveries.take(3);
      acked?.ack();
      await scene.broker.flush();
      await bed().settle();
      await restart(bed, scene.broker);
      late?.ack();
      await scene.broker.flush();
      // The server takes acks and requests from two queues: on a slow machine the lease may have run out by now, and a
      // request sent at once would be served before the ack.
      await bed().settle();
      consumption.request(3);
      await bed().elapse(4500);
      expect(await deliveries.one()).toMatchObject({ seq: 2, deliveries: 2 });
      expect(new Set(deliveries.all.slice(3).map((each) => each.seq))).toEqual(new Set([2]));
      expect(await scene.count()).toBe(1);
    });

    it("delivers again what was given back before, at the latest when its lease would have run out", async () => {
      const scene = await openQueue(bed());
      await scene.fill(1);
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(1);
      (await deliveries.one()).nak();
      await scene.broker.flush();
      await bed().settle();
      await restart(bed, scene.broker);
      consumption.request(1);
      await bed().elapse(LEASE_OVER_MS);
      expect(await deliveries.one()).toMatchObject({ seq: 1, deliveries: 2 });
    });

    it("has tails go on by themselves, without a gap or a double", async () => {
      const scene = await openScene(bed());
      const { tail, messages } = await readTail(scene);
      await scene.fill(10);
      tail.release((await messages.take(5)).length);
      await restart(bed, scene.broker);
      await scene.fill(10);
      const rest = await messages.take(15);
      expect([...messages.all.slice(0, 5), ...rest].map((each) => each.seq)).toEqual(numbers(20).map(Number));
    });

    it("has subscriptions go on by themselves", async () => {
      const [here, there] = [await bed().connect(), await bed().connect()];
      const subject = uniqueName();
      const [plain, queued] = [new Mailbox<InMessage>(), new Mailbox<InMessage>()];
      here.subscribe(subject, plain.put);
      here.subscribe(subject, queued.put, "q");
      await Promise.all([reconnected(there), restart(bed, here)]);
      await Promise.all([here.flush(), there.flush()]);
      there.publish({ subject, data: "after" });
      expect(text(await plain.one())).toBe("after");
      expect(text(await queued.one())).toBe("after");
    });

    it("keeps buckets and objects", async () => {
      const broker = await bed().connect();
      const [name, objects] = [uniqueName().toUpperCase(), uniqueName().toUpperCase()];
      const kept = { storage: "file", replicas: 1, ttlMs: 0 } as const;
      const plan = {
        buckets: [{ name, ...kept }],
        objectBuckets: [{ name: objects, ...kept, maxBytes: 1_000_000 }],
      };
      await broker.ensure({ ...emptyPlan(), ...plan });
      const revision = await (await broker.bucket(name)).create("a", "1");
      await (await broker.objects(objects)).put("o", [Buffer.from("x")]);
      await restart(bed, broker);
      await (await broker.bucket(name)).update("a", "2", revision);
      expect(await (await broker.objects(objects)).get("o")).toBeDefined();
    });

    it("still compares: a subject's last sequence survives", async () => {
      const scene = await openScene(bed());
      const { seq } = await scene.broker.store({ subject: scene.subject("a"), expectLast: 0 });
      await restart(bed, scene.broker);
      await expect(scene.broker.store({ subject: scene.subject("a"), expectLast: 0 })).rejects.toThrow();
      await scene.broker.store({ subject: scene.subject("a"), expectLast: seq });
    });

    it("remembers the ids of what it still stores", async () => {
      const scene = await openScene(bed());
      await scene.broker.store({ subject: scene.subject("a"), msgId: "id" });
      await restart(bed, scene.broker);
      expect((await scene.broker.store({ subject: scene.subject("a"), msgId: "id" })).duplicate).toBe(true);
    });

    it("forgets the ids of what was acknowledged out of a work queue: the same id is stored again", async () => {
      const scene = await openQueue(bed());
      await scene.broker.store({ subject: scene.subject("a"), msgId: "id" });
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(1);
      (await deliveries.one()).ack();
      await scene.broker.flush();
      await bed().settle();
      expect((await scene.broker.store({ subject: scene.subject("a"), msgId: "id" })).duplicate).toBe(true);
      await restart(bed, scene.broker);
      expect((await scene.broker.store({ subject: scene.subject("a"), msgId: "id" })).duplicate).toBe(false);
    });
  });

  describe("a link that is cut and heals", () => {
    it("has consumption, tail and subscription go on, nothing lost that is stored", async () => {
      const scene = await openScene(bed());
      await scene.broker.ensureConsumer(scene.consumerPlan());
      const there = await bed().connect();
      const { consumption, deliveries } = await takeFrom(scene, there);
      const { messages } = await readTail(scene, {}, there);
      const heard = new Mailbox<InMessage>();
      there.subscribe(`${scene.name}-core`, heard.put);
      consumption.request(10);
      await there.flush();
      const back = reconnected(there);
      bed().cut(there);
      await bed().settle();
      await scene.fill(5);
      bed().heal(there);
      await bed().elapse(300);
      await back;
      expect(texts(await deliveries.take(5))).toEqual(numbers(5));
      expect(texts(await messages.take(5))).toEqual(numbers(5));
      await there.flush();
      scene.broker.publish({ subject: `${scene.name}-core`, data: "x" });
      expect(text(await heard.one())).toBe("x");
    });

    it("leaves leases to run out meanwhile", async () => {
      const scene = await openQueue(bed());
      await scene.fill(1);
      const away = await newTaker(scene);
      away.consumption.request(1);
      const first = await away.deliveries.one();
      bed().cut(away.broker);
      await bed().elapse(LEASE_OVER_MS);
      const other = await takeFrom(scene);
      other.consumption.request(1);
      const second = await other.deliveries.one();
      expect(second.deliveries).toBe(2);
      const back = reconnected(away.broker);
      bed().heal(away.broker);
      await bed().elapse(300);
      await back;
      first.ack();
      await away.broker.flush();
      await bed().settle();
      expect(await scene.count()).toBe(0);
    });
  });
}
