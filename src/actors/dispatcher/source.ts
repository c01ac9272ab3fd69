/** Where a job's items come from, taken in order and a chunk at a time. */
import { MAX_CHUNK_BYTES } from "../../domain/scatter.ts";
import { InvalidBody, MusterError, Unexpected } from "../../errors.ts";
import { parseJson } from "../../protocol/json.ts";
import type { JobInput } from "../../protocol/submission.ts";
import type { ActorContext } from "../context.ts";

/** The items of one chunk. */
export interface Taken {
  /** May be fewer than were asked for: the chunk would have become too large, or the input has no more. */
  count: number;
  /** JSON array of the items; empty for ranges. */
  items: string;
  /** No item follows. */
  last: boolean;
}

export interface Source {
  /** How many items there are, where that is known. */
  readonly total: number | undefined;
  /** Bytes of an item on average, as far as is known. */
  readonly itemBytes: number;
  /** Takes the next `count` items or fewer; at least one, unless there is none. */
  take(count: number): Promise<Taken>;
  close(): Promise<void>;
}

/** Opens the input behind the first `skip` items, which were dispatched before. */
export async function openSource(context: ActorContext, input: JobInput, skip: number): Promise<Source> {
  if (input.type === "items") return new ItemSource(input.items, skip);
  if (input.type === "range") return new RangeSource(input.count, skip);
  return await RecordSource.open(context, input, skip);
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

type ObjectInput = Extract<JobInput, { type: "object" }>;

/** The records of an object, read as a stream: one line each. */
class RecordSource implements Source {
  readonly total = undefined;
  readonly #records: AsyncIterator<string>;
  /** The record after those taken: it tells whether more follow. */
  #ahead: string | undefined;
  #bytes = 0;
  #taken = 0;
  #isClosed = false;

  private constructor(records: AsyncIterator<string>) {
    this.#records = records;
  }

  static async open(context: ActorContext, input: ObjectInput, skip: number): Promise<RecordSource> {
    const objects = await context.broker.objects(input.bucket).catch((cause) => {
      throw new InvalidBody(`There is no object bucket "${input.bucket}".`, { path: "object", cause });
    });
    const data = await objects.get(input.name);
    if (data === undefined) {
      throw new InvalidBody(`There is no object "${input.bucket}/${input.name}".`, { path: "object" });
    }
    const source = new RecordSource(records(lines(data), input.format));
    for (let i = 0; i <= skip; i++) await source.#advance();
    return source;
  }

  get itemBytes(): number {
    return this.#taken === 0 ? 0 : this.#bytes / this.#taken;
  }

  async take(count: number): Promise<Taken> {
    const items: string[] = [];
    let bytes = 0;
    while (items.length < count && this.#ahead !== undefined) {
      bytes += Buffer.byteLength(this.#ahead) + 1;
      if (bytes > MAX_CHUNK_BYTES && items.length > 0) break;
      items.push(this.#ahead);
      await this.#advance();
    }
    this.#bytes += bytes;
    this.#taken += items.length;
    return { count: items.length, items: `[${items.join(",")}]`, last: this.#ahead === undefined };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#records.return?.();
  }

  async #advance(): Promise<void> {
    const next = await this.#records.next();
    // A reader that was closed says "no more", but that is not the end of the input.
    if (this.#isClosed) throw new Unexpected(new Error("the input was closed while it was read"));
    this.#ahead = next.done ? undefined : next.value;
  }
}

async function* lines(data: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  for await (const chunk of data) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

async function* records(
  source: AsyncIterable<string>,
  format: ObjectInput["format"],
): AsyncGenerator<string> {
  let number = 0;
  for await (const line of source) {
    number++;
    const text = line.endsWith("\r") ? line.slice(0, -1) : line;
    if (format === "lines") yield JSON.stringify(text);
    else if (text.trim() !== "") yield checked(text, number);
  }
}

function checked(text: string, line: number): string {
  try {
    parseJson(text);
    return text.trim();
  } catch (error) {
    const reason = error instanceof MusterError ? error.message : String(error);
    throw new InvalidBody(`Line ${line} of the input: ${reason}`, { path: `line ${line}`, cause: error });
  }
}
