/** Where a job's items come from, taken in order and a chunk at a time. */
import { MAX_CHUNK_BYTES } from "../../domain/scatter.ts";
import type { TaskItems } from "../../protocol/messages.ts";
import type { JobInput } from "../../protocol/submission.ts";
import type { ActorContext } from "../context.ts";
import { RecordSource } from "./record-source.ts";

/** The items of one chunk. */
export interface Taken extends TaskItems {
  /** May be fewer than were asked for: the chunk would have become too large, or the input has no more. */
  count: number;
  items: string;
  /** No item follows. */
  last: boolean;
}

export interface Source {
  /** How many items there are, where that is known. */
  readonly total: number | undefined;
  /** Of the object that is read, where one is. */
  readonly version?: string;
  /** Bytes of an item on average, as far as is known. */
  readonly itemBytes: number;
  /**
   * Takes the next `count` items or fewer; at least one, unless there is none. Where the input says itself which items are
   * a chunk, it takes that, but never more than `most`.
   */
  take(count: number, most?: number): Promise<Taken>;
  close(): Promise<void>;
}

/** Where to go on in an input. */
export interface Begin {
  /** Items that were dispatched before. */
  skip: number;
  /** What the source's version was then. */
  version: string | undefined;
}

const BEGINNING: Begin = { skip: 0, version: undefined };

/** An input that can be read; what a splitter is to make is none yet. */
export type ReadableInput = Exclude<JobInput, { type: "split" }>;

/** Opens the input, from its beginning unless it says otherwise. */
export async function openSource(
  context: ActorContext,
  input: ReadableInput,
  begin: Begin = BEGINNING,
): Promise<Source> {
  if (input.type === "items") return new ItemSource(input.items, begin.skip);
  if (input.type === "range") return new RangeSource(input.count, begin.skip);
  return await RecordSource.open(context, input, begin);
}

class ItemSource implements Source {
  readonly total: number;
  readonly itemBytes: number;
  readonly #items: readonly string[];
  #next: number;

  constructor(items: readonly string[], skip: number) {
    this.#items = items;
    this.#next = skip;
    this.total = items.length;
    this.itemBytes = items.reduce((sum, item) => sum + item.length + 1, 0) / Math.max(1, items.length);
  }

  async take(count: number): Promise<Taken> {
    const from = this.#next;
    const end = this.#end(from + count);
    this.#next = end;
    return {
      count: end - from,
      items: `[${this.#items.slice(from, end).join(",")}]`,
      last: end >= this.#items.length,
    };
  }

  async close(): Promise<void> {}

  /** As many items as fit into a chunk, and one at least. */
  #end(wanted: number): number {
    const most = Math.min(wanted, this.#items.length);
    let end = this.#next;
    for (let bytes = 0; end < most; end++) {
      bytes += Buffer.byteLength(this.#items[end] ?? "") + 1;
      if (bytes > MAX_CHUNK_BYTES && end > this.#next) break;
    }
    return end;
  }
}

class RangeSource implements Source {
  readonly total: number;
  readonly itemBytes = 0;
  #next: number;

  constructor(total: number, skip: number) {
    this.total = total;
    this.#next = skip;
  }

  async take(count: number): Promise<Taken> {
    const taken = Math.min(count, this.total - this.#next);
    this.#next += taken;
    return { count: taken, items: "", last: this.#next >= this.total };
  }

  async close(): Promise<void> {}
}
