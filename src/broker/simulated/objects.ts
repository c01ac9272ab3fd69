/** Object buckets: what is larger than a message, held as its chunks. */
import { ObjectGone, StorageFull } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { ObjectBucket, ObjectBucketPlan, StoredObject } from "../port.ts";

interface ShelvedObject {
  version: number;
  chunks: readonly Uint8Array[];
  bytes: number;
  /** When it was written, in milliseconds since 1970. */
  time: number;
}

/** The server's side of a bucket. */
export class ObjectShelf {
  readonly #clock: Clock;
  readonly #objects = new Map<string, ShelvedObject>();
  #versions = 0;
  #plan: ObjectBucketPlan;

  constructor(clock: Clock, plan: ObjectBucketPlan) {
    this.#clock = clock;
    this.#plan = plan;
  }

  get plan(): ObjectBucketPlan {
    return this.#plan;
  }

  update(plan: ObjectBucketPlan): void {
    this.#plan = plan;
  }

  /** The new object must fit beside the one that it replaces. @throws StorageFull */
  put(name: string, chunks: readonly Uint8Array[]): number {
    this.#expire();
    const bytes = sum(chunks.map((chunk) => chunk.length));
    const used = sum([...this.#objects.values()].map((object) => object.bytes));
    const { maxBytes } = this.#plan;
    if (maxBytes > 0 && used + bytes > maxBytes) throw new StorageFull(name, "maximum bytes exceeded");
    this.#objects.set(name, { version: ++this.#versions, chunks, bytes, time: this.#clock.now() });
    return bytes;
  }

  /** The object's version and how many chunks it has. */
  find(name: string): { version: number; count: number } | undefined {
    this.#expire();
    const object = this.#objects.get(name);
    return object && { version: object.version, count: object.chunks.length };
  }

  /** A chunk of this version of the object; undefined once that is gone. */
  chunk(name: string, version: number, at: number): Uint8Array | undefined {
    const object = this.#objects.get(name);
    return object?.version === version ? object.chunks[at] : undefined;
  }

  remove(name: string): void {
    this.#objects.delete(name);
  }

  #expire(): void {
    const { ttlMs } = this.#plan;
    if (ttlMs === 0) return;
    for (const [name, { time }] of this.#objects) {
      if (time + ttlMs <= this.#clock.now()) this.#objects.delete(name);
    }
  }
}

/** Runs a call at the server's side of the bucket. */
export type AskShelf = <T>(call: (shelf: ObjectShelf) => T) => Promise<T>;

/** A client's view of a bucket. */
export class SimulatedObjects implements ObjectBucket {
  readonly #ask: AskShelf;

  constructor(ask: AskShelf) {
    this.#ask = ask;
  }

  async put(name: string, data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of data) chunks.push(chunk.slice());
    return await this.#ask((shelf) => shelf.put(name, chunks));
  }

  async get(name: string): Promise<StoredObject | undefined> {
    const found = await this.#ask((shelf) => shelf.find(name));
    if (found === undefined) return undefined;
    const { version, count } = found;
    return {
      version: String(version),
      [Symbol.asyncIterator]: () => this.#read(name, version, count),
    };
  }

  async *#read(name: string, version: number, count: number): AsyncIterator<Uint8Array> {
    for (let at = 0; at < count; at++) {
      const chunk = await this.#ask((shelf) => shelf.chunk(name, version, at));
      if (chunk === undefined) throw new ObjectGone(name);
      yield chunk;
    }
  }

  async remove(name: string): Promise<void> {
    await this.#ask((shelf) => shelf.remove(name));
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
