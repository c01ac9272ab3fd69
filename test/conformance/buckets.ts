import { beforeEach, describe, expect, it } from "vitest";
import type { Broker, Bucket, ObjectBucket } from "../../src/broker/port.ts";
import { ObjectGone, StorageFull, WriteConflict } from "../../src/errors.ts";
import { emptyPlan, type GetBed, numbers, uniqueName } from "./scene.ts";

const MEGABYTE = 1024 * 1024;

export function buckets(bed: GetBed): void {
  keyValues(bed);
  objectBuckets(bed);
}

async function makeBucket(broker: Broker, ttlMs = 0): Promise<Bucket> {
  const name = uniqueName().toUpperCase();
  const plan = { name, storage: "file", replicas: 1, ttlMs } as const;
  await broker.ensure({ ...emptyPlan(), buckets: [plan] });
  return await broker.bucket(name);
}

function keyValues(bed: GetBed): void {
  describe("a bucket", () => {
    let broker: Broker;
    let bucket: Bucket;

    beforeEach(async () => {
      broker = await bed().connect();
      bucket = await makeBucket(broker);
    });

    it("creates a key once", async () => {
      const revision = await bucket.create("a", "1");
      expect(await bucket.get("a")).toEqual({ key: "a", value: "1", revision });
      await expect(bucket.create("a", "2")).rejects.toBeInstanceOf(WriteConflict);
      expect(await bucket.get("b")).toBeUndefined();
    });

    it("updates only at the revision that the writer knows", async () => {
      const first = await bucket.create("a", "1");
      const second = await bucket.update("a", "2", first);
      expect(second).toBeGreaterThan(first);
      await expect(bucket.update("a", "3", first)).rejects.toBeInstanceOf(WriteConflict);
      expect(await bucket.get("a")).toEqual({ key: "a", value: "2", revision: second });
    });

    it("counts other keys' writes as nothing to this one", async () => {
      const revision = await bucket.create("a", "1");
      await bucket.create("b", "1");
      await bucket.update("a", "2", revision);
    });

    it("removes only at the revision that the writer knows, and lets the key be created again", async () => {
      const first = await bucket.create("a", "1");
      const second = await bucket.update("a", "2", first);
      await expect(bucket.remove("a", first)).rejects.toBeInstanceOf(WriteConflict);
      await bucket.remove("a", second);
      expect(await bucket.get("a")).toBeUndefined();
      await expect(bucket.update("a", "3", second)).rejects.toBeInstanceOf(WriteConflict);
      const again = await bucket.create("a", "3");
      expect(await bucket.get("a")).toEqual({ key: "a", value: "3", revision: again });
    });

    it("lets exactly one of many win, at creating and at updating", async () => {
      const created = await Promise.allSettled(numbers(10).map((value) => bucket.create("a", value)));
      expect(created.filter((result) => result.status === "fulfilled")).toHaveLength(1);
      const revision = (await bucket.get("a"))?.revision ?? 0;
      const updated = await Promise.allSettled(
        numbers(10).map((value) => bucket.update("a", value, revision)),
      );
      expect(updated.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    });

    it("is one for all clients", async () => {
      const shared = await makeBucket(broker);
      const name = `S${uniqueName()}`;
      await broker.ensure({ ...emptyPlan(), buckets: [{ name, storage: "file", replicas: 1, ttlMs: 0 }] });
      const [mine, theirs] = [await broker.bucket(name), await (await bed().connect()).bucket(name)];
      const revision = await mine.create("lease", "me");
      await expect(theirs.create("lease", "them")).rejects.toBeInstanceOf(WriteConflict);
      await theirs.update("lease", "them", revision);
      expect(await mine.get("lease")).toMatchObject({ value: "them" });
      expect(await shared.get("lease")).toBeUndefined();
    });

    it("forgets an entry after the bucket's time to live, unless it was written again", async () => {
      const mortal = await makeBucket(broker, 2000);
      const kept = await mortal.create("kept", "1");
      const old = await mortal.create("old", "1");
      await bed().elapse(1300);
      const renewed = await mortal.update("kept", "2", kept);
      await bed().elapse(1300);
      expect(await mortal.get("kept")).toMatchObject({ value: "2" });
      expect(await mortal.get("old")).toBeUndefined();
      await expect(mortal.update("old", "2", old)).rejects.toBeInstanceOf(WriteConflict);
      await mortal.create("old", "3");
      await bed().elapse(2600);
      expect(await mortal.get("kept")).toBeUndefined();
      await expect(mortal.update("kept", "3", renewed)).rejects.toBeInstanceOf(WriteConflict);
    });
  });
}

async function makeObjects(
  broker: Broker,
  changes: { ttlMs?: number; maxBytes?: number } = {},
): Promise<ObjectBucket> {
  const name = uniqueName().toUpperCase();
  const plan = { name, storage: "file", replicas: 1, ttlMs: 0, maxBytes: 16 * MEGABYTE, ...changes } as const;
  await broker.ensure({ ...emptyPlan(), objectBuckets: [plan] });
  return await broker.objects(name);
}

/** `size` bytes that are not all alike. */
function bytes(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (index * 7919) >>> 4);
}

async function* chunked(data: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

async function readAll(objects: ObjectBucket, name: string): Promise<Buffer | undefined> {
  const data = await objects.get(name);
  if (data === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of data) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function objectBuckets(bed: GetBed): void {
  describe("an object bucket", () => {
    let broker: Broker;
    let objects: ObjectBucket;

    beforeEach(async () => {
      broker = await bed().connect();
      objects = await makeObjects(broker);
    });

    it("holds an object of 3 MB, put chunk by chunk", async () => {
      const data = bytes(3 * MEGABYTE);
      expect(await objects.put("large", chunked(data, 100_000))).toBe(data.length);
      expect((await readAll(objects, "large"))?.equals(data)).toBe(true);
    });

    it("takes plain lists of chunks, one larger than a message, and empty objects", async () => {
      const data = bytes(1.5 * MEGABYTE);
      expect(await objects.put("one", [data])).toBe(data.length);
      expect((await readAll(objects, "one"))?.equals(data)).toBe(true);
      expect(await objects.put("empty", [])).toBe(0);
      expect(await readAll(objects, "empty")).toHaveLength(0);
    });

    it("has nothing under a name that was never put", async () => {
      expect(await objects.get("nothing")).toBeUndefined();
      await objects.remove("nothing");
    });

    it("replaces an object of the same name", async () => {
      await objects.put("a", [bytes(500_000)]);
      await objects.put("a", [Buffer.from("new")]);
      expect((await readAll(objects, "a"))?.toString()).toBe("new");
    });

    it("removes an object", async () => {
      await objects.put("a", [Buffer.from("x")]);
      await objects.remove("a");
      await objects.remove("a");
      expect(await objects.get("a")).toBeUndefined();
      await objects.put("a", [Buffer.from("y")]);
      expect((await readAll(objects, "a"))?.toString()).toBe("y");
    });

    it("tells a reader that its object was deleted or replaced, rather than wait or mix", async () => {
      for (const change of [() => objects.remove("a"), () => objects.put("a", [bytes(500_000)])]) {
        await objects.put("a", chunked(bytes(MEGABYTE), 100_000));
        const object = await objects.get("a");
        const reader = object?.[Symbol.asyncIterator]();
        expect((await reader?.next())?.done).toBe(false);
        await change();
        const rest = async () => {
          while ((await reader?.next())?.done === false);
        };
        await expect(rest()).rejects.toBeInstanceOf(ObjectGone);
        expect((await objects.get("a"))?.version).not.toBe(object?.version);
      }
    });

    it("keeps the old object when its replacement breaks off", async () => {
      await objects.put("a", [Buffer.from("old")]);
      async function* broken() {
        yield Buffer.from("new");
        throw new Error("the source broke");
      }
      await expect(objects.put("a", broken())).rejects.toThrow("the source broke");
      expect((await readAll(objects, "a"))?.toString()).toBe("old");
    });

    it("refuses what is over its bytes as StorageFull", async () => {
      const small = await makeObjects(broker, { maxBytes: MEGABYTE });
      await expect(small.put("large", chunked(bytes(2 * MEGABYTE), 100_000))).rejects.toBeInstanceOf(
        StorageFull,
      );
      expect(await small.get("large")).toBeUndefined();
    });

    it("forgets an object after the bucket's time to live", async () => {
      const mortal = await makeObjects(broker, { ttlMs: 1000 });
      await mortal.put("a", [Buffer.from("x")]);
      await bed().elapse(2500);
      expect(await mortal.get("a")).toBeUndefined();
    });

    it("is one for all clients", async () => {
      const name = uniqueName().toUpperCase();
      const plan = { name, storage: "file", replicas: 1, ttlMs: 0, maxBytes: MEGABYTE } as const;
      await broker.ensure({ ...emptyPlan(), objectBuckets: [plan] });
      await (await broker.objects(name)).put("dir/a b.ndjson", [Buffer.from("x")]);
      const theirs = await (await bed().connect()).objects(name);
      expect((await readAll(theirs, "dir/a b.ndjson"))?.toString()).toBe("x");
    });
  });
}
