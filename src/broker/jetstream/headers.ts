/**
 * Headers between a record of texts and the bytes of the wire.
 *
 * The client library keeps them in a map of lists, checks each name against a pattern and searches without regard to case:
 * six times the CPU for what we need, a few headers of our own a message (docs/decisions/005-own-publisher-and-pull-loop.md).
 */
import { type Msg, type MsgHdrs, MsgHdrsImpl, MsgImpl } from "@nats-io/nats-core/internal";
import { InvalidBody } from "../../errors.ts";
import { HEADER } from "../../protocol/names.ts";
import type { Headers } from "../port.ts";

const NO_HEADERS: Headers = Object.freeze({});

/** Where a message stands in its batch; the server keeps them with the message. */
export const BATCH_HEADER = {
  id: "Nats-Batch-Id",
  sequence: "Nats-Batch-Sequence",
  commit: "Nats-Batch-Commit",
} as const;

/** A name cut out of a message is a new text, and ten times as dear for a key as one that is known. */
const KNOWN_NAMES = new Map<string, string>(
  [...Object.values(HEADER), ...Object.values(BATCH_HEADER)].map((name) => [name, name]),
);
const VERSION = "NATS/1.0";
const LINE_END = "\r\n";

/** What a message carries, already in the wire's form. */
export class EncodedHeaders extends MsgHdrsImpl {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    super();
    this.bytes = bytes;
  }

  override encode(): Uint8Array {
    return this.bytes;
  }
}

/**
 * The headers of all records; they have no name in common.
 * @throws InvalidBody where a value has a line break, which would end the header
 */
export function encodeHeaders(...records: readonly Headers[]): EncodedHeaders {
  let block = VERSION + LINE_END;
  for (const fields of records) {
    for (const name in fields) {
      const value = fields[name] ?? "";
      if (value.includes("\n") || value.includes("\r")) throw lineBreak(name);
      block += `${name}: ${value}${LINE_END}`;
    }
  }
  return new EncodedHeaders(Buffer.from(block + LINE_END));
}

function lineBreak(name: string): InvalidBody {
  return new InvalidBody(`The header ${name} has a line break in its value.`, { path: name });
}

/** The headers of a message that came; the first of several of one name counts. */
export function headersOf(message: Msg): Headers {
  if (!(message instanceof MsgImpl)) return fromLibrary(message.headers);
  const length = message._msg.hdr;
  if (length <= 0) return NO_HEADERS;
  const { buffer, byteOffset } = message._rdata;
  return specLine.read(Buffer.from(buffer, byteOffset, length));
}

/**
 * The line with the job's spec, of the message that was read last. It is longer than all else in a task, the tasks of a job all have
 * it, and it stands last in them: where its bytes are the same, its text need be neither made nor compared once more.
 */
class SpecLine {
  /** With the line end before it. */
  #bytes: Buffer | undefined;
  #spec = "";

  read(block: Buffer): Headers {
    if (this.#bytes === undefined) return this.#readAll(block);
    const start = block.length - this.#bytes.length;
    if (start <= 0 || block.compare(this.#bytes, 0, undefined, start) !== 0) return this.#readAll(block);
    const fields = parseHeaderBlock(block.toString("utf8", 0, start + LINE_END.length));
    fields[HEADER.spec] ??= this.#spec;
    return fields;
  }

  #readAll(block: Buffer): Headers {
    const fields = parseHeaderBlock(block.toString("utf8"));
    const start = block.lastIndexOf(SPEC_LINE);
    const isLast =
      start > 0 && block.indexOf(LINE_END, start + SPEC_LINE.length) === block.length - LAST_ENDS;
    if (!isLast) return fields;
    // A copy: the block is a piece of all that was read from the server at once.
    this.#bytes = Buffer.from(block.subarray(start));
    this.#spec = parseHeaderBlock(this.#bytes.toString("utf8"))[HEADER.spec] ?? "";
    return fields;
  }
}

const SPEC_LINE = `${LINE_END}${HEADER.spec}:`;
/** Bytes of the line end behind the last header and of the one behind them all. */
const LAST_ENDS = 4;

const specLine = new SpecLine();

function fromLibrary(headers: MsgHdrs | undefined): Headers {
  const fields: Record<string, string> = {};
  for (const [name, values] of headers ?? []) fields[name] = values[0] ?? "";
  return fields;
}

/** Reads `NATS/1.0`, perhaps with a status, and a line a header. */
export function parseHeaderBlock(block: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = block.indexOf(LINE_END); at >= 0; ) {
    const start = at + LINE_END.length;
    const end = block.indexOf(LINE_END, start);
    const colon = block.indexOf(":", start);
    if (end > start && colon > start && colon < end) {
      const cut = block.slice(start, colon);
      const name = KNOWN_NAMES.get(cut) ?? cut;
      // Not "if it is there": a header may be called "constructor".
      if (typeof fields[name] !== "string") fields[name] = block.slice(colon + 1, end).trim();
    }
    at = end;
  }
  return fields;
}
