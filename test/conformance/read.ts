import { describe, expect, it } from "vitest";
import { MusterError } from "../../src/errors.ts";
import { type GetBed, openScene, type Scene, uniqueName } from "./scene.ts";

/** Messages 1 to 6 on x.1, x.2, y.1, x.1, y.2, x.1. */
async function filled(bed: GetBed): Promise<Scene> {
  const scene = await openScene(bed());
  for (const [group, item] of ["x1", "x2", "y1", "x1", "y2", "x1"].map((each) => [...each])) {
    await scene.broker.store({ subject: scene.subject(group ?? "", item ?? "") });
  }
  return scene;
}

export function reading(bed: GetBed): void {
  describe("the last message", () => {
    it("of a subject is its newest", async () => {
      const scene = await filled(bed);
      expect(await scene.broker.last(scene.stream, scene.subject("x", "1"))).toMatchObject({
        subject: scene.subject("x", "1"),
        seq: 6,
      });
    });

    it("of a wildcard is the newest that matches", async () => {
      const scene = await filled(bed);
      expect(await scene.broker.last(scene.stream, scene.subject("y", "*"))).toMatchObject({ seq: 5 });
      expect(await scene.broker.last(scene.stream, scene.subject(">"))).toMatchObject({ seq: 6 });
    });

    it("is undefined where there is none", async () => {
      const scene = await filled(bed);
      expect(await scene.broker.last(scene.stream, scene.subject("z"))).toBeUndefined();
    });

    it("is what was just acknowledged, for every client", async () => {
      const scene = await openScene(bed());
      const other = await bed().connect();
      for (let i = 0; i < 20; i++) {
        const { seq } = await scene.broker.store({ subject: scene.subject("a") });
        expect(await other.last(scene.stream, scene.subject("a"))).toMatchObject({ seq });
      }
    });

    it("falls back to an older one when the newest is purged", async () => {
      const scene = await filled(bed);
      await scene.broker.purge(scene.stream, scene.subject("x", "*"));
      expect(await scene.broker.last(scene.stream, scene.subject(">"))).toMatchObject({ seq: 5 });
    });
  });

  describe("a message by its sequence", () => {
    it("is found, or is not there", async () => {
      const scene = await filled(bed);
      expect(await scene.broker.at(scene.stream, 3)).toMatchObject({
        seq: 3,
        subject: scene.subject("y", "1"),
      });
      expect(await scene.broker.at(scene.stream, 7)).toBeUndefined();
      await scene.broker.purge(scene.stream, scene.subject("y", "1"));
      expect(await scene.broker.at(scene.stream, 3)).toBeUndefined();
    });

    it("may hold any bytes, and none", async () => {
      const scene = await openScene(bed());
      const all = Uint8Array.from({ length: 256 }, (_, index) => index);
      await scene.broker.store({ subject: scene.subject("a"), data: all });
      await scene.broker.store({ subject: scene.subject("a"), headers: { "Muster-Job": "j" } });
      expect([...((await scene.broker.at(scene.stream, 1))?.data ?? [])]).toEqual([...all]);
      const empty = await scene.broker.at(scene.stream, 2);
      expect(empty).toMatchObject({ headers: { "Muster-Job": "j" } });
      expect(empty?.data).toHaveLength(0);
    });
  });

  describe("purging", () => {
    it("removes one message by its sequence, and nothing where it is gone", async () => {
      const scene = await filled(bed);
      for (const seq of [2, 2, 10_000]) await scene.broker.remove(scene.stream, seq);
      expect(await scene.broker.at(scene.stream, 2)).toBeUndefined();
      expect((await scene.contents()).map((each) => each.seq)).toEqual([1, 3, 4, 5, 6]);
    });

    it("removes one subject, and says how many", async () => {
      const scene = await filled(bed);
      expect(await scene.broker.purge(scene.stream, scene.subject("x", "1"))).toBe(3);
      expect((await scene.contents()).map((each) => each.seq)).toEqual([2, 3, 5]);
      expect(await scene.broker.purge(scene.stream, scene.subject("x", "1"))).toBe(0);
    });

    it("removes what a wildcard matches", async () => {
      const scene = await filled(bed);
      expect(await scene.broker.purge(scene.stream, scene.subject("*", "2"))).toBe(2);
      expect((await scene.contents()).map((each) => each.seq)).toEqual([1, 3, 4, 6]);
    });

    it("removes only what is below the given sequence", async () => {
      const scene = await filled(bed);
      expect(await scene.broker.purge(scene.stream, scene.subject("x", "*"), 4)).toBe(2);
      expect((await scene.contents()).map((each) => each.seq)).toEqual([3, 4, 5, 6]);
      expect(await scene.broker.purge(scene.stream, scene.subject(">"), 1)).toBe(0);
      expect(await scene.broker.purge(scene.stream, scene.subject(">"), 100)).toBe(4);
    });
  });

  describe("a stream's state", () => {
    it("counts messages and bytes, and knows the first and last sequence", async () => {
      const scene = await filled(bed);
      const before = await scene.broker.streamState(scene.stream);
      expect(before).toMatchObject({ messages: 6, firstSeq: 1, lastSeq: 6 });
      await scene.broker.store({ subject: scene.subject("a"), data: new Uint8Array(1000) });
      const after = await scene.broker.streamState(scene.stream);
      expect(after.bytes - before.bytes).toBeGreaterThanOrEqual(1000);
      expect(after.bytes - before.bytes).toBeLessThan(1100);
    });

    it("moves its first sequence on when the head is purged, not when there are holes", async () => {
      const scene = await filled(bed);
      await scene.broker.purge(scene.stream, scene.subject("y", "*"));
      expect(await scene.broker.streamState(scene.stream)).toMatchObject({
        messages: 4,
        firstSeq: 1,
        lastSeq: 6,
      });
      await scene.broker.purge(scene.stream, scene.subject("x", "*"), 4);
      expect(await scene.broker.streamState(scene.stream)).toMatchObject({
        messages: 2,
        firstSeq: 4,
        lastSeq: 6,
      });
    });

    it("of a stream that is not there is refused, and so is all else with it", async () => {
      const { broker } = await openScene(bed());
      const nowhere = uniqueName().toUpperCase();
      await expect(broker.streamState(nowhere)).rejects.toBeInstanceOf(MusterError);
      await expect(broker.last(nowhere, "x")).rejects.toBeInstanceOf(MusterError);
      await expect(broker.purge(nowhere, "x")).rejects.toBeInstanceOf(MusterError);
    });
  });
}
