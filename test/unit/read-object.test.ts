/** Reading a result that lies in the object store while a worker that runs its task once more replaces it. */
import { describe, expect, it } from "vitest";
import { readObject } from "../../src/actors/aggregator/assemble.ts";
import type { ActorContext } from "../../src/actors/context.ts";
import type { StoredObject } from "../../src/broker/port.ts";
import { ObjectGone, ResultGone, StorageFull } from "../../src/errors.ts";
import { Names } from "../../src/protocol/names.ts";

type Chunk = string | Error;

/** A bucket whose object is another each time it is looked at; undefined: it is not there. */
function bucketOf(...versions: readonly (readonly Chunk[] | undefined)[]) {
  let looks = 0;
  const get = async (): Promise<StoredObject | undefined> => {
    const chunks = versions[Math.min(looks++, versions.length - 1)];
    return chunks === undefined
      ? undefined
      : { version: String(looks), [Symbol.asyncIterator]: () => each(chunks) };
  };
  const broker = { objects: async () => ({ get }) };
  const context = { broker, names: new Names("muster") } as unknown as ActorContext;
  return { read: () => readObject(context, "part"), looks: () => looks };
}

async function* each(chunks: readonly Chunk[]) {
  for (const chunk of chunks) {
    if (chunk instanceof Error) throw chunk;
    yield Buffer.from(chunk);
  }
}

const gone = new ObjectGone("part");

describe("a result in the object store", () => {
  it("is read anew where it is replaced while it is read, and nothing of the old one is in it", async () => {
    const bucket = bucketOf(["[1,", gone], ["[1,", "2,", gone], ["[1,", "2,", "3]"]);
    expect(await bucket.read()).toBe("[1,2,3]");
    expect(bucket.looks()).toBe(3);
  });

  it("is gone where it is deleted meanwhile", async () => {
    await expect(bucketOf(["[1,", gone], undefined).read()).rejects.toThrow(ResultGone);
  });

  it("is gone where it can never be read whole, as one that is damaged", async () => {
    await expect(bucketOf(["[1,", gone]).read()).rejects.toThrow(ResultGone);
  });

  it("is not said to be gone where something else is wrong", async () => {
    await expect(bucketOf(["[1,", new StorageFull("part", "full")]).read()).rejects.toThrow(StorageFull);
  });
});
