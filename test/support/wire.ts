/** The NATS wire protocol, as far as it must be understood to tell one frame from the next. */

const CRLF = Buffer.from("\r\n");
const EMPTY = Buffer.alloc(0);

/** One frame: its line, its payload (headers included) and the bytes of both. */
export interface Frame {
  /** The words of its line: `MSG`, a subject, … */
  readonly words: readonly string[];
  readonly payload: Buffer;
  readonly bytes: Buffer;
}

const WITH_PAYLOAD = new Set(["MSG", "HMSG", "PUB", "HPUB"]);

/** Cuts a stream of bytes into frames. */
export class FrameSplitter {
  #rest: Buffer = EMPTY;

  /** The frames that are complete with these bytes. */
  push(bytes: Buffer): Frame[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const frames: Frame[] = [];
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): Frame | undefined {
    const lineEnd = this.#rest.indexOf(CRLF);
    if (lineEnd < 0) return undefined;
    const words = this.#rest.toString("latin1", 0, lineEnd).split(" ");
    const start = lineEnd + CRLF.length;
    const size = WITH_PAYLOAD.has(words[0]?.toUpperCase() ?? "") ? Number(words.at(-1)) : undefined;
    const end = size === undefined ? start : start + size + CRLF.length;
    if (this.#rest.length < end) return undefined;
    const bytes = this.#rest.subarray(0, end);
    this.#rest = this.#rest.subarray(end);
    return { words, bytes, payload: size === undefined ? EMPTY : bytes.subarray(start, start + size) };
  }
}
