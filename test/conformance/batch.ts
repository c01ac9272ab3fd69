import { describe, expect, it } from "vitest";
import type { StoreMessage } from "../../src/broker/port.ts";
import {
  BrokerRefused,
  PayloadTooLarge,
  StorageFull,
  WriteConflict,
  WriteUnknown,
} from "../../src/errors.ts";
import { type GetBed, numbers, openScene, readTail, type Scene, texts } from "./scene.ts";

function open(bed: GetBed): Promise<Scene> {
  return openScene(bed(), { atomicBatches: true, rollup: true });
}

/** Tasks `from`… and the job's cursor behind them, as a dispatcher releases them. */
function release(
  scene: Scene,
  tasks: readonly string[],
  cursor: { data: string; expectLast: number },
): StoreMessage[] {
  const messages: StoreMessage[] = tasks.map((data) => ({ subject: scene.subject("tasks"), data }));
  return [...messages, { subject: scene.subject("cursor"), rollup: true, ...cursor }];
}

export function batches(bed: GetBed): void {
  describe("a batch", () => {
    it("stores its messages in order and without gaps, and answers with the last sequence", async () => {
      const scene = await open(bed);
      await scene.broker.store({ subject: scene.subject("before") });
      const batch = numbers(300).map((data) => ({
        subject: scene.subject("a", data),
        data,
        headers: { "Muster-Job": "j" },
      }));
      const stored = await scene.broker.storeBatch(batch);
      expect(stored).toEqual({ stream: scene.stream, seq: 301, duplicate: false });
      const contents = (await scene.contents()).slice(1);
      expect(texts(contents)).toEqual(numbers(300));
      expect(contents.map((each) => each.seq)).toEqual(numbers(300, 2).map(Number));
      expect(contents[299]?.headers).toMatchObject({ "Muster-Job": "j" });
    });

    it("may be a single message", async () => {
      const scene = await open(bed);
      const stored = await scene.broker.storeBatch([{ subject: scene.subject("a"), data: "only" }]);
      expect(stored.seq).toBe(1);
      expect(texts(await scene.contents())).toEqual(["only"]);
    });

    it("takes 1000 messages and refuses 1001, storing none", async () => {
      const scene = await open(bed);
      const batch = (count: number) => numbers(count).map((data) => ({ subject: scene.subject("a"), data }));
      await expect(scene.broker.storeBatch(batch(1001))).rejects.toThrow();
      expect(await scene.count()).toBe(0);
      expect((await scene.broker.storeBatch(batch(1000))).seq).toBe(1000);
    });

    it.each([0, 1, 4])("stores nothing when message %i loses its compare-and-set", async (position) => {
      const scene = await open(bed);
      await scene.broker.store({ subject: scene.subject("guarded") });
      const batch: StoreMessage[] = numbers(5).map((data) => ({ subject: scene.subject("a"), data }));
      batch[position] = { subject: scene.subject("guarded"), expectLast: 0 };
      await expect(scene.broker.storeBatch(batch)).rejects.toBeInstanceOf(WriteConflict);
      expect(await scene.count()).toBe(1);
      expect((await scene.broker.store({ subject: scene.subject("a") })).seq).toBe(2);
    });

    it("stores nothing when it compares a subject that it has written to already", async () => {
      const scene = await open(bed);
      const subject = scene.subject("a");
      const batch = scene.broker.storeBatch([{ subject }, { subject, expectLast: 0 }]);
      await expect(batch).rejects.toBeInstanceOf(WriteConflict);
      expect(await scene.count()).toBe(0);
    });

    it("stores nothing when an id in it is known, or stands in it twice", async () => {
      const scene = await open(bed);
      await scene.broker.store({ subject: scene.subject("a"), msgId: "known" });
      const withIds = (...ids: string[]) => ids.map((msgId) => ({ subject: scene.subject("a"), msgId }));
      await expect(scene.broker.storeBatch(withIds("x", "known", "y"))).rejects.toMatchObject({
        brokerCode: 10201,
      });
      await expect(scene.broker.storeBatch(withIds("x", "y", "x"))).rejects.toMatchObject({
        brokerCode: 10201,
      });
      expect(await scene.count()).toBe(1);
    });

    it("leaves its ids known to later stores", async () => {
      const scene = await open(bed);
      await scene.broker.storeBatch([
        { subject: scene.subject("a"), msgId: "x" },
        { subject: scene.subject("a") },
      ]);
      const again = await scene.broker.store({ subject: scene.subject("a"), msgId: "x" });
      expect(again).toMatchObject({ seq: 1, duplicate: true });
    });

    it("stores nothing when it does not fit as a whole", async () => {
      const scene = await openScene(bed(), { atomicBatches: true, maxBytes: 50_000 });
      const data = new Uint8Array(10_000);
      await scene.broker.store({ subject: scene.subject("a"), data });
      const batch = numbers(6).map(() => ({ subject: scene.subject("a"), data }));
      await expect(scene.broker.storeBatch(batch)).rejects.toBeInstanceOf(StorageFull);
      expect(await scene.count()).toBe(1);
    });

    it("stores nothing when one of it is larger than a message", async () => {
      const scene = await open(bed);
      const huge = { subject: scene.subject("a"), data: new Uint8Array(scene.broker.maxPayload + 1) };
      const batch = [{ subject: scene.subject("a") }, huge, { subject: scene.subject("a") }];
      await expect(scene.broker.storeBatch(batch)).rejects.toBeInstanceOf(PayloadTooLarge);
      await bed().settle();
      expect(await scene.count()).toBe(0);
    });

    it("is refused where the stream was made without", async () => {
      const scene = await openScene(bed());
      const batch = [{ subject: scene.subject("a") }, { subject: scene.subject("a") }];
      await expect(scene.broker.storeBatch(batch)).rejects.toMatchObject({ brokerCode: 10174 });
      expect(await scene.count()).toBe(0);
    });

    it("is refused when it is for two streams, storing nothing in either", async () => {
      const [one, two] = [await open(bed), await open(bed)];
      const batch = [{ subject: one.subject("a") }, { subject: two.subject("a") }];
      await expect(one.broker.storeBatch(batch)).rejects.toBeInstanceOf(BrokerRefused);
      expect([await one.count(), await two.count()]).toEqual([0, 0]);
    });

    it("does not mix with others that are under way", async () => {
      const scene = await open(bed);
      const batchOf = (letter: string) =>
        numbers(100).map((n) => ({ subject: scene.subject("a"), data: `${letter}${n}` }));
      const letters = [..."abcdefghij"];
      await Promise.all(letters.map((letter) => scene.broker.storeBatch(batchOf(letter))));
      const stored = texts(await scene.contents());
      expect(stored).toHaveLength(1000);
      for (const letter of letters) {
        const start = stored.indexOf(`${letter}1`);
        expect(stored.slice(start, start + 100)).toEqual(numbers(100).map((n) => `${letter}${n}`));
      }
    });

    it.each([0, 1, 3])(
      "is stored whole or not at all when the connection breaks %i ms into it",
      async (ms) => {
        const scene = await open(bed);
        const broker = await bed().connect({ timeoutMs: 500 });
        const storing = broker.storeBatch(
          numbers(900).map((data) => ({ subject: scene.subject("a"), data })),
        );
        const ended = storing.then(
          () => "stored",
          (error: unknown) => error,
        );
        if (ms > 0) await bed().elapse(ms);
        bed().cut(broker);
        await bed().elapse(1500);
        bed().heal(broker);
        await bed().elapse(300);
        const outcome = await ended;
        if (outcome !== "stored") expect(outcome).toBeInstanceOf(WriteUnknown);
        expect(outcome === "stored" ? [900] : [0, 900]).toContain(await scene.count());
      },
    );

    it("that the server was killed in the middle of is stored whole or not at all", async () => {
      const scene = await open(bed);
      const broker = await bed().connect({ timeoutMs: 500 });
      const storing = broker.storeBatch(numbers(900).map((data) => ({ subject: scene.subject("a"), data })));
      const ended = storing.catch(() => {});
      await bed().restart({ kill: true });
      await bed().elapse(1000);
      await ended;
      expect([0, 900]).toContain(await scene.count());
    });

    it("reaches those who read the stream", async () => {
      const scene = await open(bed);
      const { messages } = await readTail(scene);
      await scene.broker.storeBatch(numbers(50).map((data) => ({ subject: scene.subject("a"), data })));
      expect(texts(await messages.take(50))).toEqual(numbers(50));
    });
  });

  describe("a batch with a cursor", () => {
    it("moves tasks and cursor on together, and keeps one cursor", async () => {
      const scene = await open(bed);
      const first = await scene.broker.storeBatch(release(scene, ["0", "1"], { data: "2", expectLast: 0 }));
      const second = await scene.broker.storeBatch(
        release(scene, ["2", "3"], { data: "4", expectLast: first.seq }),
      );
      expect(second.seq).toBe(6);
      expect(texts(await scene.contents())).toEqual(["0", "1", "2", "3", "4"]);
      expect(await scene.broker.last(scene.stream, scene.subject("cursor"))).toMatchObject({
        seq: second.seq,
      });
    });

    it("refuses a zombie's, tasks included", async () => {
      const scene = await open(bed);
      const first = await scene.broker.storeBatch(release(scene, ["0"], { data: "1", expectLast: 0 }));
      await scene.broker.storeBatch(release(scene, ["1"], { data: "2", expectLast: first.seq }));
      const zombie = scene.broker.storeBatch(
        release(scene, ["1", "2"], { data: "3", expectLast: first.seq }),
      );
      await expect(zombie).rejects.toBeInstanceOf(WriteConflict);
      expect(texts(await scene.contents())).toEqual(["0", "1", "2"]);
    });

    it("lets one of two dispatchers win that release at the same time", async () => {
      const scene = await open(bed);
      const other = await bed().connect();
      const results = await Promise.allSettled([
        scene.broker.storeBatch(release(scene, numbers(100), { data: "x", expectLast: 0 })),
        other.storeBatch(release(scene, numbers(100), { data: "y", expectLast: 0 })),
      ]);
      expect(results.map((result) => result.status).sort()).toEqual(["fulfilled", "rejected"]);
      expect(await scene.count()).toBe(101);
    });
  });
}
