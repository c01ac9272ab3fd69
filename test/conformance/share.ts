import { describe, expect, it } from "vitest";
import { TopologyMismatch } from "../../src/errors.ts";
import {
  type GetBed,
  LEASE_OVER_MS,
  newTaker,
  numbers,
  openQueue,
  openScene,
  takeFrom,
  texts,
} from "./scene.ts";

export function sharing(bed: GetBed): void {
  takingTurns(bed);
  stopping(bed);
  filters(bed);
  purging(bed);
  trouble(bed);
}

function takingTurns(bed: GetBed): void {
  describe("clients of one consumer", () => {
    it("share its messages, each going to one of them", async () => {
      const scene = await openQueue(bed());
      const takers = [await newTaker(scene), await newTaker(scene), await newTaker(scene)];
      for (const { consumption } of takers) consumption.request(10);
      await bed().settle();
      await scene.fill(30);
      const shares = await Promise.all(takers.map(({ deliveries }) => deliveries.take(10)));
      expect(
        texts(shares.flat())
          .map(Number)
          .sort((a, b) => a - b),
      ).toEqual(numbers(30).map(Number));
    });

    it("are served in turn while all of them want messages", async () => {
      const scene = await openQueue(bed());
      const [one, two] = [await newTaker(scene), await newTaker(scene)];
      for (const { consumption } of [one, two]) consumption.request(100);
      await bed().settle();
      await scene.fill(20);
      const [first, second] = await Promise.all([one.deliveries.take(10), two.deliveries.take(10)]);
      expect(first.length + second.length).toBe(20);
    });

    it("have no more out together than the consumer allows", async () => {
      const scene = await openQueue(bed(), { maxAckPending: 3, ackWaitMs: 30_000 });
      await scene.fill(6);
      const [one, two] = [await newTaker(scene), await newTaker(scene)];
      one.consumption.request(2);
      const [first] = await one.deliveries.take(2);
      two.consumption.request(4);
      await two.deliveries.take(1);
      await bed().settle();
      expect(two.deliveries.waiting).toHaveLength(0);
      first?.ack();
      expect(await two.deliveries.one()).toMatchObject({ seq: 4 });
      await bed().settle();
      expect(two.deliveries.waiting).toHaveLength(0);
    });

    it("get what is given back even while the consumer's limit is reached", async () => {
      const scene = await openQueue(bed(), { maxAckPending: 1, ackWaitMs: 30_000 });
      await scene.fill(2);
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(2);
      (await deliveries.one()).nak();
      expect(await deliveries.one()).toMatchObject({ seq: 1, deliveries: 2 });
    });

    it("show in the consumer's state", async () => {
      const scene = await openQueue(bed(), { ackWaitMs: 30_000 });
      await scene.fill(5);
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(3);
      const [first] = await deliveries.take(3);
      first?.ack();
      await scene.broker.flush();
      await bed().settle();
      expect(await scene.broker.consumerStates(scene.stream)).toEqual([
        { name: "workers", pending: 2, unacknowledged: 2 },
      ]);
    });
  });
}

function stopping(bed: GetBed): void {
  describe("stopping a consumption", () => {
    it("gives back at once what arrives late, for another client to have", async () => {
      const scene = await openQueue(bed(), { ackWaitMs: 60_000 });
      const leaving = await newTaker(scene);
      const staying = await newTaker(scene);
      leaving.consumption.request(100);
      await bed().settle();
      const filled = scene.fill(100);
      await leaving.deliveries.take(1);
      const stopped = leaving.consumption.stop();
      const begun = leaving.deliveries.all.length;
      staying.consumption.request(100);
      await Promise.all([stopped, filled]);
      const rest = await staying.deliveries.take(100 - begun);
      expect(leaving.deliveries.all).toHaveLength(begun);
      const all = [...leaving.deliveries.all, ...rest].map((each) => each.seq).sort((a, b) => a - b);
      expect(all).toEqual(numbers(100).map(Number));
    });

    it("delivers nothing more, and takes nothing from others", async () => {
      const scene = await openQueue(bed(), { ackWaitMs: 60_000 });
      const leaving = await newTaker(scene);
      const staying = await newTaker(scene);
      leaving.consumption.request(10);
      await bed().settle();
      await leaving.consumption.stop();
      staying.consumption.request(3);
      await scene.fill(3);
      expect((await staying.deliveries.take(3)).length).toBe(3);
      expect(leaving.deliveries.all).toHaveLength(0);
    });

    it("leaves what was delivered before to be settled", async () => {
      const scene = await openQueue(bed());
      await scene.fill(2);
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(2);
      const [first, second] = await deliveries.take(2);
      await consumption.stop();
      first?.ack();
      second?.nak();
      const next = await takeFrom(scene);
      next.consumption.request(2);
      expect(await next.deliveries.one()).toMatchObject({ seq: 2, deliveries: 2 });
      expect(await scene.count()).toBe(1);
    });

    it("may be done twice, and requests afterwards do nothing", async () => {
      const scene = await openQueue(bed());
      const { consumption, deliveries } = await takeFrom(scene);
      await Promise.all([consumption.stop(), consumption.stop()]);
      await consumption.stop();
      consumption.request(1);
      await scene.fill(1);
      await bed().settle();
      expect(deliveries.all).toHaveLength(0);
    });
  });
}

function filters(bed: GetBed): void {
  describe("filters of consumers", () => {
    it("divide a work queue", async () => {
      const scene = await openScene(bed(), { retention: "workqueue" });
      for (const kind of ["x", "y"]) {
        await scene.broker.ensureConsumer(
          scene.consumerPlan({ name: kind, filter: scene.subject(kind, "*") }),
        );
      }
      await scene.broker.store({ subject: scene.subject("x", "1"), data: "x" });
      await scene.broker.store({ subject: scene.subject("y", "1"), data: "y" });
      await scene.broker.store({ subject: scene.subject("z", "1"), data: "nobody's" });
      const [x, y] = [await takeFrom(scene, scene.broker, "x"), await takeFrom(scene, scene.broker, "y")];
      for (const { consumption } of [x, y]) consumption.request(5);
      expect(texts(await x.deliveries.take(1))).toEqual(["x"]);
      expect(texts(await y.deliveries.take(1))).toEqual(["y"]);
      await bed().settle();
      expect([...x.deliveries.waiting, ...y.deliveries.waiting]).toHaveLength(0);
    });

    it("must not overlap in a work queue", async () => {
      const scene = await openScene(bed(), { retention: "workqueue" });
      await scene.broker.ensureConsumer(scene.consumerPlan({ name: "one", filter: scene.subject("x", "*") }));
      const overlapping = scene.consumerPlan({ name: "two", filter: scene.subject("*", "y") });
      await expect(scene.broker.ensureConsumer(overlapping)).rejects.toBeInstanceOf(TopologyMismatch);
      expect((await scene.broker.consumerStates(scene.stream)).map((each) => each.name)).toEqual(["one"]);
    });

    it("may overlap in a stream that is no work queue", async () => {
      const scene = await openScene(bed());
      for (const name of ["one", "two"]) await scene.broker.ensureConsumer(scene.consumerPlan({ name }));
      await scene.fill(1);
      for (const name of ["one", "two"]) {
        const { consumption, deliveries } = await takeFrom(scene, scene.broker, name);
        consumption.request(1);
        expect(texts(await deliveries.take(1))).toEqual(["1"]);
      }
    });
  });
}

function purging(bed: GetBed): void {
  describe("purging under a consumer", () => {
    it("does not bring back a message that was out, neither given back nor abandoned", async () => {
      const scene = await openQueue(bed());
      for (const job of ["dead", "dead", "alive"]) await scene.broker.store({ subject: scene.subject(job) });
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(2);
      const [given] = await deliveries.take(2);
      expect(await scene.broker.purge(scene.stream, scene.subject("dead"))).toBe(2);
      given?.nak();
      consumption.request(5);
      expect(await deliveries.one()).toMatchObject({ subject: scene.subject("alive"), deliveries: 1 });
      (deliveries.all[2] ?? given)?.ack();
      await bed().elapse(LEASE_OVER_MS);
      expect(deliveries.all).toHaveLength(3);
    });

    it("leaves the other messages of a wider consumer to be delivered", async () => {
      const scene = await openQueue(bed());
      for (let i = 0; i < 20; i++)
        await scene.broker.store({ subject: scene.subject(i % 2 ? "odd" : "even") });
      await scene.broker.purge(scene.stream, scene.subject("odd"));
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(20);
      const subjects = (await deliveries.take(10)).map((each) => each.subject);
      expect(new Set(subjects)).toEqual(new Set([scene.subject("even")]));
      await scene.broker.store({ subject: scene.subject("odd"), data: "new" });
      expect(texts(await deliveries.take(1))).toEqual(["new"]);
    });

    it("no longer counts what is gone", async () => {
      const scene = await openQueue(bed());
      await scene.fill(4);
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(2);
      await deliveries.take(2);
      await scene.broker.purge(scene.stream, scene.subject(">"));
      await bed().settle();
      const [state] = await scene.broker.consumerStates(scene.stream);
      expect(state).toMatchObject({ pending: 0, unacknowledged: 0 });
    });
  });
}

function trouble(bed: GetBed): void {
  describe("a consumer that is deleted", () => {
    it("is made again, and what was not acknowledged is delivered again", async () => {
      const scene = await openQueue(bed(), { ackWaitMs: 60_000 });
      await scene.fill(2);
      const { consumption, deliveries, troubles } = await takeFrom(scene);
      consumption.request(4);
      const [acked] = await deliveries.take(2);
      acked?.ack();
      await scene.broker.flush();
      const subject = `$JS.API.CONSUMER.DELETE.${scene.stream}.workers`;
      await scene.broker.request({ subject }, { timeoutMs: 2000 });
      await bed().elapse(1500);
      expect((await troubles.take(1)).length).toBe(1);
      expect(await deliveries.one()).toMatchObject({ seq: 2 });
      await scene.fill(1);
      expect(await deliveries.one()).toMatchObject({ seq: 3 });
      expect(consumption.outstanding).toBe(0);
    });

    it("or never was is told as trouble, and consumed once it is there", async () => {
      const scene = await openScene(bed(), { retention: "workqueue" });
      await scene.fill(1);
      const { consumption, deliveries, troubles } = await takeFrom(scene);
      consumption.request(1);
      await troubles.take(1);
      await scene.broker.ensureConsumer(scene.consumerPlan());
      await bed().elapse(1000);
      expect(texts(await deliveries.take(1))).toEqual(["1"]);
    });
  });
}
