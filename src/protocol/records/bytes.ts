/** Bytes of an input on their way to its records: inflated where they are gzip, and without a byte order mark. */
import { finished } from "node:stream/promises";
import { createGunzip, type Gunzip } from "node:zlib";
import { messageOf } from "../../errors.ts";

/** Bytes as they come, in pieces of any length. */
export type Bytes = AsyncIterable<Uint8Array>;

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
/**
 * Bytes that are inflated at once. Whatever the pieces that come, these are the same, so that data which is broken
 * gives the same bytes before its fault; and as gzip packs a thousandfold at best, they bound memory.
 */
const SLICE = 16 * 1024;

/** Compressed data ends in its midst, or is damaged. */
export class BrokenGzip extends Error {}

/** What the bytes say, whether they are compressed or not. @throws BrokenGzip behind the bytes that can be had */
export async function* plainBytes(bytes: Bytes): Bytes {
  const { head, whole } = await peek(bytes, GZIP_MAGIC.length);
  yield* withoutMark(head.equals(GZIP_MAGIC) ? inflated(whole) : whole);
}

async function* withoutMark(bytes: Bytes): Bytes {
  const { head, whole } = await peek(bytes, BYTE_ORDER_MARK.length);
  let skip = head.equals(BYTE_ORDER_MARK) ? head.length : 0;
  for await (const piece of whole) {
    yield piece.subarray(skip);
    skip = 0;
  }
}

/** The first bytes, and all of them; the first piece holds at least the head. */
async function peek(bytes: Bytes, count: number): Promise<{ head: Buffer; whole: Bytes }> {
  const iterator = bytes[Symbol.asyncIterator]();
  let first: Buffer = Buffer.alloc(0);
  let fault: { error: unknown } | undefined;
  try {
    while (first.length < count) {
      const next = await iterator.next();
      if (next.done) break;
      first = Buffer.concat([first, next.value]);
    }
  } catch (error) {
    fault = { error }; // What came before it is still to be read.
  }
  return { head: first.subarray(0, count), whole: onward(first, iterator, fault) };
}

async function* onward(
  first: Buffer,
  iterator: AsyncIterator<Uint8Array>,
  fault: { error: unknown } | undefined,
): Bytes {
  yield first;
  if (fault !== undefined) throw fault.error;
  yield* { [Symbol.asyncIterator]: () => iterator };
}

async function* slices(bytes: Bytes): AsyncIterable<Buffer> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const piece of bytes) {
    pending = Buffer.concat([pending, piece]);
    for (; pending.length >= SLICE; pending = pending.subarray(SLICE)) yield pending.subarray(0, SLICE);
  }
  if (pending.length > 0) yield pending;
}

async function* inflated(bytes: Bytes): Bytes {
  const inflater = new Inflater();
  try {
    for await (const slice of slices(bytes)) {
      yield* await inflater.push(slice);
      inflater.check();
    }
    yield* await inflater.end();
    inflater.check();
  } finally {
    inflater.close();
  }
}

/** Inflates slice by slice; unlike the stream within it, it gives all that was inflated before a fault. */
class Inflater {
  readonly #gunzip: Gunzip = createGunzip();
  #inflated: Buffer[] = [];
  #fault: unknown;

  constructor() {
    this.#gunzip.on("data", (data: Buffer) => this.#inflated.push(data));
    this.#gunzip.on("error", (error) => this.#note(error));
  }

  async push(slice: Buffer): Promise<Buffer[]> {
    await new Promise<void>((resolve) => {
      // A write that meets a fault is not called back.
      this.#gunzip.once("close", resolve);
      this.#gunzip.write(slice, (error) => {
        this.#note(error);
        this.#gunzip.off("close", resolve);
        resolve();
      });
    });
    return this.#take();
  }

  async end(): Promise<Buffer[]> {
    this.#gunzip.end();
    await finished(this.#gunzip).catch((error) => this.#note(error));
    return this.#take();
  }

  /** @throws BrokenGzip once a fault was met; all that was inflated before it has been given then */
  check(): void {
    if (this.#fault !== undefined)
      throw new BrokenGzip(`the gzip data is cut short or damaged (${messageOf(this.#fault)}).`);
  }

  close(): void {
    this.#gunzip.destroy();
  }

  #note(error: unknown): void {
    this.#fault ??= error ?? undefined;
  }

  #take(): Buffer[] {
    const inflated = this.#inflated;
    this.#inflated = [];
    return inflated;
  }
}
