import { describe, expect, it } from "vitest";
import {
  type GetBed,
  LEASE_MS,
  LEASE_OVER_MS,
  newTaker,
  numbers,
  openQueue,
  openScene,
  takeFrom,
  text,
  texts,
} from "./scene.ts";

export function consuming(bed: GetBed): void {
  credit(bed);
  settling(bed);
  leases(bed);
}

function credit(bed: GetBed): void {
  describe("consuming by credit", () => {
    it("delivers nothing that was not asked for, and what was asked for in order", async () => {
      const scene = await openQueue(bed());
      await scene.fill(10);
      const { consumption, deliveries } = await takeFrom(scene);
      await bed().settle();
      expect(deliveries.all).toHaveLength(0);
      consumption.request(3);
      expect(texts(await deliveries.take(3))).toEqual(["1", "2", "3"]);
      await bed().settle();
      expect(deliveries.all).toHaveLength(3);
      consumption.request(2);
      expect(texts(await deliveries.take(2))).toEqual(["4", "5"]);
      await bed().settle();
      expect(deliveries.all).toHaveLength(5);
    });

    it("counts what is asked for and not yet delivered", async () => {
      const scene = await openQueue(bed());
      await scene.fill(3);
      const { consumption, deliveries } = await takeFrom(scene);
      expect(consumption.outstanding).toBe(0);
      consumption.request(2);
      consumption.request(3);
      expect(consumption.outstanding).toBe(5);
      await deliveries.take(3);
      expect(consumption.outstanding).toBe(2);
    });

    it("delivers messages as they are stored to who asked before", async () => {
      const scene = await openQueue(bed());
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(2);
      await scene.fill(3);
      expect(texts(await deliveries.take(2))).toEqual(["1", "2"]);
      await bed().settle();
      expect(deliveries.all).toHaveLength(2);
    });

    it("delivers subject, headers, sequence, time and the first delivery's count", async () => {
      const scene = await openQueue(bed());
      await scene.broker.store({ subject: scene.subject("x"), data: "d", headers: { "Muster-Job": "j" } });
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(1);
      const delivery = await deliveries.one();
      expect(delivery).toMatchObject({ subject: scene.subject("x"), seq: 1, deliveries: 1 });
      expect(delivery.headers).toMatchObject({ "Muster-Job": "j" });
      expect(text(delivery)).toBe("d");
      expect(Math.abs(delivery.time - bed().now())).toBeLessThan(5_000);
    });

    it("delivers each of many exactly once, however small the credit", async () => {
      const scene = await openQueue(bed());
      const data = numbers(1500);
      await Promise.all(data.map((each) => scene.broker.store({ subject: scene.subject("a"), data: each })));
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(7);
      for (let i = 0; i < data.length; i++) {
        (await deliveries.one()).ack();
        consumption.request(1);
      }
      await scene.broker.flush();
      await bed().settle();
      expect(texts(deliveries.all)).toEqual(data);
      expect(await scene.count()).toBe(0);
    });

    it("goes on after it was idle for longer than a pull request lives", async () => {
      const scene = await openQueue(bed());
      const { consumption, deliveries } = await newTaker(scene, { pullExpiresMs: 1000 });
      consumption.request(2);
      await bed().elapse(2500);
      expect(consumption.outstanding).toBe(2);
      await scene.fill(3);
      expect(texts(await deliveries.take(2))).toEqual(["1", "2"]);
      await bed().settle();
      expect(deliveries.all).toHaveLength(2);
    });
  });
}

function settling(bed: GetBed): void {
  describe("settling", () => {
    it("removes an acknowledged message from the work queue, and never delivers it again", async () => {
      const scene = await openQueue(bed());
      await scene.fill(2);
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(5);
      for (const delivery of await deliveries.take(2)) delivery.ack();
      await bed().elapse(LEASE_OVER_MS);
      expect(deliveries.all).toHaveLength(2);
      expect(await scene.count()).toBe(0);
    });

    it("keeps an acknowledged message in a stream that is no work queue", async () => {
      const scene = await openScene(bed());
      await scene.broker.ensureConsumer(scene.consumerPlan());
      await scene.fill(1);
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(2);
      (await deliveries.one()).ack();
      await bed().elapse(LEASE_OVER_MS);
      expect(deliveries.all).toHaveLength(1);
      expect(await scene.count()).toBe(1);
    });

    it("delivers again what is given back, at once and before what is new", async () => {
      const scene = await openQueue(bed());
      await scene.fill(3);
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(3);
      const [first, second, third] = await deliveries.take(3);
      second?.nak();
      first?.nak();
      third?.ack();
      // Settlements are taken in order, but beside requests: once the last has removed its message, the others have been seen.
      while ((await scene.count()) > 2) await bed().settle();
      await scene.broker.store({ subject: scene.subject("a"), data: "4" });
      consumption.request(3);
      const again = await deliveries.take(3);
      expect(texts(again)).toEqual(["2", "1", "4"]);
      expect(again.map((each) => each.deliveries)).toEqual([2, 2, 1]);
    });

    it("delivers what is given back with a delay exactly then, and others meanwhile", async () => {
      const scene = await openQueue(bed(), { ackWaitMs: 10_000 });
      await scene.fill(2);
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(5);
      const [first] = await deliveries.take(2);
      first?.nak(1000);
      await bed().elapse(600);
      expect(deliveries.waiting).toHaveLength(0);
      await scene.broker.store({ subject: scene.subject("a"), data: "3" });
      expect(texts(await deliveries.take(1))).toEqual(["3"]);
      await bed().elapse(600);
      expect(await deliveries.one()).toMatchObject({ seq: 1, deliveries: 2 });
    });

    it("may delay for longer than a lease", async () => {
      const scene = await openQueue(bed());
      await scene.fill(1);
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(2);
      (await deliveries.one()).nak(LEASE_MS * 2.5);
      await bed().elapse(LEASE_MS * 2);
      expect(deliveries.waiting).toHaveLength(0);
      await bed().elapse(LEASE_MS);
      expect(await deliveries.one()).toMatchObject({ deliveries: 2 });
    });

    it("never delivers again what was terminated, and removes it from the work queue", async () => {
      const scene = await openQueue(bed());
      await scene.fill(1);
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(2);
      (await deliveries.one()).term("poison");
      await bed().elapse(LEASE_OVER_MS);
      expect(deliveries.all).toHaveLength(1);
      expect(await scene.count()).toBe(0);
    });

    it("takes only the first settlement of a delivery", async () => {
      const scene = await openQueue(bed());
      await scene.fill(2);
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(2);
      const [acked, given] = await deliveries.take(2);
      acked?.ack();
      acked?.nak();
      given?.nak();
      given?.ack();
      consumption.request(2);
      expect(await deliveries.one()).toMatchObject({ seq: 2, deliveries: 2 });
      await bed().settle();
      expect(deliveries.waiting).toHaveLength(0);
      expect(await scene.count()).toBe(1);
    });

    it("counts deliveries up with each", async () => {
      const scene = await openQueue(bed());
      await scene.fill(1);
      const { consumption, deliveries } = await takeFrom(scene);
      const counts: number[] = [];
      for (let i = 0; i < 5; i++) {
        consumption.request(1);
        const delivery = await deliveries.one();
        counts.push(delivery.deliveries);
        delivery.nak();
      }
      expect(counts).toEqual([1, 2, 3, 4, 5]);
    });
  });
}

function leases(bed: GetBed): void {
  describe("a lease", () => {
    it("that runs out has the message delivered to another client", async () => {
      const scene = await openQueue(bed());
      await scene.fill(1);
      const silent = await newTaker(scene);
      silent.consumption.request(1);
      await silent.deliveries.take(1);
      const other = await newTaker(scene);
      other.consumption.request(1);
      await bed().elapse(LEASE_MS / 2);
      expect(other.deliveries.all).toHaveLength(0);
      await bed().elapse(LEASE_MS);
      expect(await other.deliveries.one()).toMatchObject({ seq: 1, deliveries: 2 });
    });

    it("is extended in full by a sign of life", async () => {
      const scene = await openQueue(bed());
      await scene.fill(1);
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(2);
      const delivery = await deliveries.one();
      for (let i = 0; i < 3; i++) {
        await bed().elapse(LEASE_MS * 0.7);
        delivery.working();
      }
      await bed().settle();
      expect(deliveries.waiting).toHaveLength(0);
      await bed().elapse(LEASE_OVER_MS);
      expect(await deliveries.one()).toMatchObject({ deliveries: 2 });
    });

    it("that runs out together with others has them delivered in their order", async () => {
      const scene = await openQueue(bed());
      await scene.fill(5);
      const silent = await newTaker(scene);
      silent.consumption.request(5);
      await silent.deliveries.take(5);
      const other = await newTaker(scene);
      await bed().elapse(LEASE_OVER_MS);
      other.consumption.request(5);
      expect(texts(await other.deliveries.take(5))).toEqual(numbers(5));
    });

    it("that ran out may still be settled by who had it first", async () => {
      const scene = await openQueue(bed());
      await scene.fill(1);
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(2);
      const first = await deliveries.one();
      await bed().elapse(LEASE_OVER_MS);
      await deliveries.one();
      first.ack();
      await scene.broker.flush();
      await bed().elapse(LEASE_OVER_MS);
      expect(await scene.count()).toBe(0);
      expect(deliveries.all).toHaveLength(2);
    });

    it("of a killed client runs out like any other, and its requests vanish at once", async () => {
      const scene = await openQueue(bed());
      await scene.fill(2);
      const doomed = await newTaker(scene);
      const other = await newTaker(scene);
      doomed.consumption.request(10);
      const [, second] = await doomed.deliveries.take(2);
      bed().kill(doomed.broker);
      await bed().settle();
      second?.ack();
      other.consumption.request(10);
      await scene.fill(3);
      expect(texts(await other.deliveries.take(3))).toEqual(numbers(3));
      await bed().elapse(LEASE_OVER_MS);
      const again = await other.deliveries.take(2);
      expect(again.map((each) => [each.seq, each.deliveries])).toEqual([
        [1, 2],
        [2, 2],
      ]);
      expect(doomed.deliveries.all).toHaveLength(2);
    });
  });
}
