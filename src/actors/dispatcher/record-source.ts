/** The records of an object as items, read as a stream. */
import { MAX_CHUNK_BYTES } from "../../domain/scatter.ts";
import { InvalidBody, InvalidRecord, ObjectGone, Unexpected } from "../../errors.ts";
import type { InvalidItem } from "../../protocol/invalid-items.ts";
import { readRecords } from "../../protocol/records/read.ts";
import { type InputRecord, ITEM_ROOM, sentenceOf } from "../../protocol/records/record.ts";
import type { JobInput, OnBadRecord } from "../../protocol/submission.ts";
import type { ActorContext } from "../context.ts";
import type { Begin, Source, Taken } from "./source.ts";

export type ObjectInput = Extract<JobInput, { type: "object" }>;

/** The item that stands for a record which could not be read. */
const PLACEHOLDER = "null";

interface Parts {
  batches: AsyncGenerator<InputRecord[]>;
  version: string;
  onBadRecord: OnBadRecord;
}

/** Reads no further than it is asked to, a piece of the object at a time. */
export class RecordSource implements Source {
  readonly total = undefined;
  readonly version: string;
  readonly #batches: AsyncGenerator<InputRecord[]>;
  readonly #onBadRecord: OnBadRecord;
  #batch: readonly InputRecord[] = [];
  /** The next record of the batch. */
  #at = 0;
  #bytes = 0;
  #taken = 0;
  #isClosed = false;

  private constructor({ batches, version, onBadRecord }: Parts) {
    this.#batches = batches;
    this.version = version;
    this.#onBadRecord = onBadRecord;
  }

  /** @throws InvalidBody where there is no such object, ObjectGone where it is another than it was */
  static async open(context: ActorContext, input: ObjectInput, begin: Begin): Promise<RecordSource> {
    const { bucket, name, onBadRecord = "fail-item" } = input;
    const objects = await context.broker.objects(bucket).catch((cause) => {
      throw new InvalidBody(`There is no object bucket "${bucket}".`, { path: "object", cause });
    });
    const object = await objects.get(name);
    const isSame = begin.version === undefined || begin.version === object?.version;
    if (!isSame) throw new ObjectGone(`${bucket}/${name}`);
    if (object === undefined) {
      throw new InvalidBody(`There is no object "${bucket}/${name}".`, { path: "object" });
    }
    const maxBytes = context.broker.maxPayload - ITEM_ROOM;
    const batches = readRecords(object, { ...input, maxBytes });
    const source = new RecordSource({ batches, version: object.version, onBadRecord });
    await source.#skip(begin.skip);
    return source;
  }

  get itemBytes(): number {
    return this.#taken === 0 ? 0 : this.#bytes / this.#taken;
  }

  async take(count: number): Promise<Taken> {
    const items: string[] = [];
    const invalid: InvalidItem[] = [];
    let bytes = 0;
    while (items.length < count && (this.#isAtHand || (await this.#fetch()))) {
      const { item, message } = this.#read(this.#batch[this.#at]);
      const size = Buffer.byteLength(item) + 1 + (message?.length ?? 0);
      if (bytes + size > MAX_CHUNK_BYTES && items.length > 0) break;
      if (message !== undefined) invalid.push({ offset: items.length, message });
      items.push(item);
      bytes += size;
      this.#at++;
    }
    this.#bytes += bytes;
    this.#taken += items.length;
    const last = !(this.#isAtHand || (await this.#fetch()));
    return { count: items.length, items: `[${items.join(",")}]`, invalid, last };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#batches.return(undefined);
  }

  /** @throws InvalidRecord where a bad record fails the job */
  #read(record: InputRecord | undefined): { item: string; message?: string } {
    if (typeof record !== "object") return { item: record ?? PLACEHOLDER };
    const message = sentenceOf(record);
    if (this.#onBadRecord === "fail-job") throw new InvalidRecord(message);
    return { item: PLACEHOLDER, message };
  }

  get #isAtHand(): boolean {
    return this.#at < this.#batch.length;
  }

  /** Reads on until a record is at hand; false where none follows. */
  async #fetch(): Promise<boolean> {
    while (!this.#isAtHand) {
      const next = await this.#batches.next();
      // A reader that was closed says "no more", but that is not the end of the input.
      if (this.#isClosed) throw new Unexpected(new Error("the input was closed while it was read"));
      if (next.done) return false;
      this.#batch = next.value;
      this.#at = 0;
    }
    return true;
  }

  /** Passes over records that were dispatched before. */
  async #skip(count: number): Promise<void> {
    for (let left = count; left > 0 && (this.#isAtHand || (await this.#fetch())); ) {
      const step = Math.min(left, this.#batch.length - this.#at);
      this.#at += step;
      left -= step;
    }
  }
}
