import { describe, expect, it } from "vitest";
import {
  BrokerRefused,
  PayloadTooLarge,
  StorageFull,
  WriteConflict,
  WriteUnknown,
} from "../../src/errors.ts";
import { type GetBed, numbers, openScene, text, texts, uniqueName } from "./scene.ts";

export function storing(bed: GetBed): void {
  describe("storing", () => {
    it("acknowledges with the stream and a sequence that counts from 1", async () => {
      const { broker, stream, subject } = bound(await openScene(bed()));
      const first = await broker.store({ subject: subject("a"), data: "x" });
      const second = await broker.store({ subject: subject("b"), data: "y" });
      expect(first).toEqual({ stream, seq: 1, duplicate: false });
      expect(second).toEqual({ stream, seq: 2, duplicate: false });
    });

    it("keeps subject, data, headers and time", async () => {
      const { broker, stream, subject } = bound(await openScene(bed()));
      const before = bed().now();
      await broker.store({
        subject: subject("a"),
        data: new Uint8Array([0, 255, 10]),
        headers: { "Muster-Job": "j é" },
      });
      const message = await broker.at(stream, 1);
      expect(message).toMatchObject({ subject: subject("a"), seq: 1, headers: { "Muster-Job": "j é" } });
      expect([...(message?.data ?? [])]).toEqual([0, 255, 10]);
      expect(Math.abs((message?.time ?? 0) - before)).toBeLessThan(5_000);
    });

    it("tells which stream takes a subject", async () => {
      const { broker, stream, subject } = bound(await openScene(bed()));
      expect(await broker.streamOf(subject("a"))).toBe(stream);
      expect(await broker.streamOf(uniqueName())).toBeUndefined();
    });

    it("takes text, bytes and nothing as data", async () => {
      const { broker, stream, subject } = bound(await openScene(bed()));
      await broker.store({ subject: subject("a"), data: "tëxt" });
      await broker.store({ subject: subject("a") });
      expect(text((await broker.at(stream, 1)) ?? { data: new Uint8Array() })).toBe("tëxt");
      expect((await broker.at(stream, 2))?.data).toHaveLength(0);
    });

    it("leaves the sender's buffer free to be used again", async () => {
      const { broker, stream, subject } = bound(await openScene(bed()));
      const buffer = new Uint8Array([1, 2, 3]);
      await broker.store({ subject: subject("a"), data: buffer });
      buffer.fill(9);
      expect([...((await broker.at(stream, 1))?.data ?? [])]).toEqual([1, 2, 3]);
    });

    it("stores many that are under way at once, each under its own sequence", async () => {
      const scene = await openScene(bed());
      const stored = await Promise.all(
        numbers(500).map((data) => scene.broker.store({ subject: scene.subject("a"), data })),
      );
      expect(stored.map((each) => each.seq)).toEqual(numbers(500).map(Number));
      expect(texts(await scene.contents())).toEqual(numbers(500));
    });

    it("refuses what is larger than a message, and stores nothing of it", async () => {
      const { broker, scene, subject } = bound(await openScene(bed()));
      const tooLarge = broker.store({ subject: subject("a"), data: new Uint8Array(broker.maxPayload + 1) });
      await expect(tooLarge).rejects.toBeInstanceOf(PayloadTooLarge);
      const headers = { "Muster-Spec": "x".repeat(1000) };
      const withHeaders = broker.store({
        subject: subject("a"),
        data: new Uint8Array(broker.maxPayload - 500),
        headers,
      });
      await expect(withHeaders).rejects.toBeInstanceOf(PayloadTooLarge);
      await broker.store({ subject: subject("a"), data: new Uint8Array(broker.maxPayload - 2000), headers });
      expect(await scene.count()).toBe(1);
    });

    it("says that it does not know, within the time limit, when no stream takes the subject", async () => {
      const { broker } = await openScene(bed());
      await expect(broker.store({ subject: `${uniqueName()}.nobody` })).rejects.toBeInstanceOf(WriteUnknown);
    });

    it("says that it does not know when the connection is lost before the answer", async () => {
      const scene = await openScene(bed());
      const broker = await bed().connect({ timeoutMs: 500 });
      bed().cut(broker);
      await bed().settle();
      const lost = expect(broker.store({ subject: scene.subject("a") })).rejects.toBeInstanceOf(WriteUnknown);
      await bed().elapse(1500);
      await lost;
    });
  });

  describe("compare-and-set", () => {
    it("stores with 0 only while the subject has no message", async () => {
      const { broker, subject, scene } = bound(await openScene(bed()));
      await broker.store({ subject: subject("other") });
      await broker.store({ subject: subject("a"), expectLast: 0 });
      await expect(broker.store({ subject: subject("a"), expectLast: 0 })).rejects.toBeInstanceOf(
        WriteConflict,
      );
      expect(await scene.count()).toBe(2);
    });

    it("compares with the subject's last sequence, not the stream's", async () => {
      const { broker, subject } = bound(await openScene(bed()));
      const { seq } = await broker.store({ subject: subject("a") });
      await broker.store({ subject: subject("b") });
      await expect(broker.store({ subject: subject("a"), expectLast: seq + 1 })).rejects.toBeInstanceOf(
        WriteConflict,
      );
      expect((await broker.store({ subject: subject("a"), expectLast: seq })).seq).toBe(3);
      await expect(broker.store({ subject: subject("a"), expectLast: seq })).rejects.toBeInstanceOf(
        WriteConflict,
      );
    });

    it("lets exactly one of many writers win, over several connections", async () => {
      const { broker, subject, scene } = bound(await openScene(bed()));
      const brokers = [broker, await bed().connect(), await bed().connect()];
      const attempts = brokers.flatMap((each) =>
        numbers(10).map((data) => each.store({ subject: subject("a"), data, expectLast: 0 })),
      );
      const results = await Promise.allSettled(attempts);
      const lost = results.filter((result) => result.status === "rejected");
      expect(lost).toHaveLength(29);
      for (const { reason } of lost) expect(reason).toBeInstanceOf(WriteConflict);
      expect(await scene.count()).toBe(1);
    });

    it("sees a purged subject as one without messages", async () => {
      const { broker, subject, stream } = bound(await openScene(bed()));
      const { seq } = await broker.store({ subject: subject("a") });
      await broker.purge(stream, subject("a"));
      await expect(broker.store({ subject: subject("a"), expectLast: seq })).rejects.toBeInstanceOf(
        WriteConflict,
      );
      await broker.store({ subject: subject("a"), expectLast: 0 });
    });
  });

  describe("message ids", () => {
    it("stores a second message with the same id not again, and says so", async () => {
      const { broker, subject, scene } = bound(await openScene(bed()));
      const first = await broker.store({ subject: subject("a"), msgId: "id", data: "1" });
      await broker.store({ subject: subject("a"), msgId: "other" });
      const again = await broker.store({ subject: subject("b"), msgId: "id", data: "2" });
      expect(again).toEqual({ ...first, duplicate: true });
      expect(await scene.count()).toBe(2);
    });

    it("compares before it looks at the id, so that a retry of a store that compares is a conflict", async () => {
      const { broker, subject } = bound(await openScene(bed()));
      const { seq } = await broker.store({ subject: subject("a"), msgId: "id", expectLast: 0 });
      const retry = broker.store({ subject: subject("a"), msgId: "id", expectLast: 0 });
      await expect(retry).rejects.toBeInstanceOf(WriteConflict);
      expect((await broker.store({ subject: subject("a"), msgId: "id", expectLast: seq })).duplicate).toBe(
        true,
      );
    });

    it("stores the same id again once the duplicate window is over", async () => {
      const { broker, subject } = bound(await openScene(bed(), { duplicateWindowMs: 500 }));
      await broker.store({ subject: subject("a"), msgId: "id" });
      await bed().elapse(1500);
      expect((await broker.store({ subject: subject("a"), msgId: "id" })).duplicate).toBe(false);
    });

    it("remembers ids over a purge", async () => {
      const { broker, subject, stream, scene } = bound(await openScene(bed()));
      await broker.store({ subject: subject("a"), msgId: "id" });
      await broker.purge(stream, subject("a"));
      expect((await broker.store({ subject: subject("a"), msgId: "id" })).duplicate).toBe(true);
      expect(await scene.count()).toBe(0);
    });
  });

  describe("limits of a stream", () => {
    it("removes a message after its own time to live, and no other", async () => {
      const { broker, subject, scene } = bound(await openScene(bed(), { messageTtl: true }));
      await broker.store({ subject: subject("mortal"), ttlSeconds: 1 });
      await broker.store({ subject: subject("later"), ttlSeconds: 600 });
      await broker.store({ subject: subject("immortal") });
      expect(await scene.count()).toBe(3);
      await bed().elapse(3000);
      expect((await scene.contents()).map((each) => each.subject)).toEqual([
        subject("later"),
        subject("immortal"),
      ]);
      expect((await broker.store({ subject: subject("mortal"), expectLast: 0 })).seq).toBe(4);
    });

    it("refuses a time to live where the stream was made without", async () => {
      const { broker, subject } = bound(await openScene(bed()));
      const refused = broker.store({ subject: subject("a"), ttlSeconds: 5 });
      await expect(refused).rejects.toBeInstanceOf(BrokerRefused);
    });

    it("removes the subject's earlier messages on rollup, and no others", async () => {
      const { broker, subject, scene } = bound(await openScene(bed(), { rollup: true }));
      for (const token of ["a", "b", "a"]) await broker.store({ subject: subject(token) });
      await broker.store({ subject: subject("a"), data: "last", rollup: true });
      expect((await scene.contents()).map((each) => each.seq)).toEqual([2, 4]);
    });

    it("refuses rollup where the stream was made without", async () => {
      const { broker, subject, scene } = bound(await openScene(bed()));
      await broker.store({ subject: subject("a") });
      const refused = broker.store({ subject: subject("a"), rollup: true });
      await expect(refused).rejects.toBeInstanceOf(BrokerRefused);
      expect(await scene.count()).toBe(1);
    });

    it("refuses what is over its bytes as StorageFull, keeps what it acknowledged, and goes on once there is room", async () => {
      const { broker, subject, stream, scene } = bound(await openScene(bed(), { maxBytes: 50_000 }));
      const data = new Uint8Array(10_000);
      for (let i = 0; i < 4; i++) await broker.store({ subject: subject("a"), data });
      await expect(broker.store({ subject: subject("a"), data })).rejects.toBeInstanceOf(StorageFull);
      expect(await scene.count()).toBe(4);
      await broker.purge(stream, subject("a"), 2);
      expect((await broker.store({ subject: subject("a"), data })).seq).toBe(5);
    });

    it("drops the oldest instead where the plan says so", async () => {
      const { broker, subject, scene } = bound(await openScene(bed(), { maxBytes: 50_000, discard: "old" }));
      const data = new Uint8Array(10_000);
      for (let i = 0; i < 7; i++) await broker.store({ subject: subject("a"), data });
      expect((await scene.contents()).map((each) => each.seq)).toEqual([4, 5, 6, 7]);
    });

    it("keeps only the newest of each subject, also where new messages are refused at the limit of bytes", async () => {
      const { broker, subject, scene } = bound(await openScene(bed(), { maxPerSubject: 1, discard: "new" }));
      for (const token of ["a", "b", "a", "a"]) await broker.store({ subject: subject(token) });
      expect((await scene.contents()).map((each) => each.seq)).toEqual([2, 4]);
    });

    it("takes a smaller message in place of a subject's last one at the limit of bytes, and refuses a larger one", async () => {
      const { broker, subject, scene } = bound(
        await openScene(bed(), { maxPerSubject: 1, maxBytes: 25_000 }),
      );
      for (const token of ["a", "b"])
        await broker.store({ subject: subject(token), data: new Uint8Array(10_000) });
      // One of the same size is refused by nats-server 2.12 and taken by 2.14.
      const larger = broker.store({ subject: subject("a"), data: new Uint8Array(16_000) });
      await expect(larger).rejects.toBeInstanceOf(StorageFull);
      await broker.store({ subject: subject("a"), data: new Uint8Array(9_000) });
      expect((await scene.contents()).map((each) => each.seq)).toEqual([2, 3]);
    });

    it("removes what is older than the stream's age", async () => {
      const { broker, subject, scene } = bound(
        await openScene(bed(), { maxAgeMs: 1000, duplicateWindowMs: 1000 }),
      );
      await broker.store({ subject: subject("old") });
      await bed().elapse(2500);
      await broker.store({ subject: subject("new") });
      expect((await scene.contents()).map((each) => each.subject)).toEqual([subject("new")]);
    });

    it("never gives a sequence twice, also when the stream is empty in between", async () => {
      const { broker, subject, stream } = bound(await openScene(bed()));
      await broker.store({ subject: subject("a") });
      await broker.store({ subject: subject("a") });
      await broker.purge(stream, subject(">"));
      expect(await broker.streamState(stream)).toMatchObject({ messages: 0, firstSeq: 3, lastSeq: 2 });
      expect((await broker.store({ subject: subject("a") })).seq).toBe(3);
    });
  });
}

/** The scene's parts by name; `subject` may be called without it. */
function bound(scene: Awaited<ReturnType<typeof openScene>>) {
  const { broker, stream } = scene;
  return { scene, broker, stream, subject: (...tokens: string[]) => scene.subject(...tokens) };
}
