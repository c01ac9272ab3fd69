/** The records of an object as items, read as a stream. */
import { MAX_CHUNK_BYTES } from "../../domain/scatter.ts";
import { InvalidBody, InvalidRecord, ObjectGone, Unexpected } from "../../errors.ts";
import type { InvalidItem } from "../../protocol/invalid-items.ts";
import { readRecords } from "../../protocol/records/read.ts";
import {
  type ChunkMark,
  type InputRecord,
  ITEM_ROOM,
  isChunkMark,
  sentenceOf,
} from "../../protocol/records/record.ts";
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
  /** Bytes of a task's items at most. */
  maxBytes: number;
}

/** Reads no further than it is asked to, a piece of the object at a time. */
export class RecordSource implements Source {
  readonly total = undefined;
  readonly version: string;
  readonly #batches: AsyncGenerator<InputRecord[]>;
  readonly #onBadRecord: OnBadRecord;
  readonly #maxBytes: number;
  #batch: readonly InputRecord[] = [];
  /** The next record of the batch. */
  #at = 0;
  /** Items that are left of a chunk that the input marks as one; 0: it says nothing. */
  #ofChunk = 0;
  /** A marked chunk begins at the record at hand. */
  #isBound = false;
  #bytes = 0;
  #taken = 0;
  #isClosed = false;

  private constructor({ batches, version, onBadRecord, maxBytes }: Parts) {
    this.#batches = batches;
    this.version = version;
    this.#onBadRecord = onBadRecord;
    this.#maxBytes = maxBytes;
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
    const source = new RecordSource({ batches, version: object.version, onBadRecord, maxBytes });
    await source.#skip(begin.skip);
    return source;
  }

  get itemBytes(): number {
    return this.#taken === 0 ? 0 : this.#bytes / this.#taken;
  }

  async take(count: number, most = Number.POSITIVE_INFINITY): Promise<Taken> {
    const items: string[] = [];
    const invalid: InvalidItem[] = [];
    let bytes = 0;
    if (!this.#isAtHand) await this.#fetch();
    const { wanted, maxBytes } = this.#boundsOf(count, most);
    while (items.length < wanted && (this.#isAtHand || (await this.#fetch()))) {
      if (this.#isBound && items.length > 0) break;
      const { item, message } = this.#read(this.#batch[this.#at]);
      const size = Buffer.byteLength(item) + 1 + (message?.length ?? 0);
      if (bytes + size > maxBytes && items.length > 0) break;
      if (message !== undefined) invalid.push({ offset: items.length, message });
      items.push(item);
      bytes += size;
      this.#pass();
    }
    this.#bytes += bytes;
    this.#taken += items.length;
    const last = !(this.#isAtHand || (await this.#fetch()));
    return { count: items.length, items: `[${items.join(",")}]`, invalid, last };
  }

  /** A marked chunk is taken whole, whatever was asked for. */
  #boundsOf(count: number, most: number): { wanted: number; maxBytes: number } {
    if (this.#ofChunk === 0 || count === 0)
      return { wanted: Math.min(count, most), maxBytes: MAX_CHUNK_BYTES };
    return { wanted: Math.min(this.#ofChunk, most), maxBytes: this.#maxBytes };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#batches.return(undefined);
  }

  /** @throws InvalidRecord where a bad record fails the job */
  #read(record: InputRecord | undefined): { item: string; message?: string } {
    if (typeof record !== "object" || isChunkMark(record)) return { item: String(record ?? PLACEHOLDER) };
    const message = sentenceOf(record);
    if (this.#onBadRecord === "fail-job") throw new InvalidRecord(message);
    return { item: PLACEHOLDER, message };
  }

  get #isAtHand(): boolean {
    const record = this.#batch[this.#at];
    return record !== undefined && !isChunkMark(record);
  }

  /** To the next record. */
  #pass(): void {
    this.#at++;
    this.#isBound = false;
    this.#ofChunk = Math.max(0, this.#ofChunk - 1);
  }

  #passMark({ chunk }: ChunkMark): void {
    this.#at++;
    this.#isBound = true;
    this.#ofChunk = chunk;
  }

  /** Reads on until a record is at hand; false where none follows. */
  async #fetch(): Promise<boolean> {
    while (!this.#isAtHand) {
      const mark = this.#batch[this.#at];
      if (mark !== undefined && isChunkMark(mark)) {
        this.#passMark(mark);
        continue;
      }
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
    for (let left = count; left > 0 && (this.#isAtHand || (await this.#fetch())); left--) this.#pass();
  }
}
