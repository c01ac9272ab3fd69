import { describe, expect, it } from "vitest";
import { taskConsumers, topologyOf } from "../../src/broker/topology.ts";
import { MusterError, StorageFull } from "../../src/errors.ts";
import { Names } from "../../src/protocol/names.ts";
import { streamPlan } from "../support/stream-plan.ts";
import { emptyPlan, type GetBed, openQueue, openScene, takeFrom, uniqueName } from "./scene.ts";

function musterPlan() {
  const options = {
    names: new Names(uniqueName()),
    replicas: 1,
    storage: "file",
    leaseMs: 10_000,
    jobLeaseMs: 10_000,
    maxBytes: 256 * 1024 * 1024,
    outcomeTtlMs: 86_400_000,
  } as const;
  return { options, plan: topologyOf(options) };
}

export function topology(bed: GetBed): void {
  describe("ensuring a topology", () => {
    it("takes muster's own, twice, from two clients at once", async () => {
      const { options, plan } = musterPlan();
      const [one, two] = [await bed().connect(), await bed().connect()];
      await Promise.all([one.ensure(plan), two.ensure(plan)]);
      await one.ensure(plan);
      for (const consumer of taskConsumers(options, "double")) {
        await one.ensureConsumer(consumer);
        await two.ensureConsumer(consumer);
      }
      expect(await one.streamState(options.names.stream("tasks"))).toMatchObject({ messages: 0 });
      expect(await one.consumerStates(options.names.stream("tasks"))).toHaveLength(3);
    });

    it("leaves what is stored in place", async () => {
      const scene = await openScene(bed());
      await scene.fill(3);
      await scene.broker.ensure({ ...emptyPlan(), streams: [scene.plan] });
      expect(await scene.count()).toBe(3);
    });

    it("applies a stream's changed limits", async () => {
      const scene = await openScene(bed(), { maxBytes: 20_000 });
      const data = new Uint8Array(15_000);
      await scene.broker.store({ subject: scene.subject("a"), data });
      await expect(scene.broker.store({ subject: scene.subject("a"), data })).rejects.toBeInstanceOf(
        StorageFull,
      );
      await scene.broker.ensure({ ...emptyPlan(), streams: [{ ...scene.plan, maxBytes: 40_000 }] });
      await scene.broker.store({ subject: scene.subject("a"), data });
    });

    it("applies a stream's added subjects and features", async () => {
      const scene = await openScene(bed());
      const more = uniqueName();
      const subjects = [...scene.plan.subjects, `${more}.>`];
      const changed = { ...scene.plan, subjects, atomicBatches: true, rollup: true };
      await scene.broker.ensure({ ...emptyPlan(), streams: [changed] });
      await scene.broker.storeBatch([
        { subject: scene.subject("a") },
        { subject: `${more}.a`, rollup: true },
      ]);
      expect(await scene.count()).toBe(2);
    });

    it("applies a consumer's changed lease and limit", async () => {
      const scene = await openQueue(bed(), { ackWaitMs: 60_000, maxAckPending: 1 });
      await scene.fill(3);
      await scene.broker.ensureConsumer(scene.consumerPlan({ ackWaitMs: 1000, maxAckPending: 2 }));
      const { consumption, deliveries } = await takeFrom(scene);
      consumption.request(4);
      await deliveries.take(2);
      await bed().elapse(1500);
      expect((await deliveries.take(2)).map((each) => each.seq)).toEqual([1, 2]);
    });

    it("refuses a stream whose subjects another stream has", async () => {
      const scene = await openScene(bed());
      const rival = streamPlan(uniqueName(), { subjects: [scene.subject("a", "*")] });
      const refused = scene.broker.ensure({ ...emptyPlan(), streams: [rival] });
      await expect(refused).rejects.toBeInstanceOf(MusterError);
    });

    it("refuses a consumer of a stream that is not there", async () => {
      const scene = await openScene(bed());
      const lost = scene.consumerPlan({ stream: uniqueName().toUpperCase() });
      await expect(scene.broker.ensureConsumer(lost)).rejects.toBeInstanceOf(MusterError);
    });
  });
}
