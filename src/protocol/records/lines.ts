/** Records that are lines: plain text, and NDJSON. */
import { type Cutter, type InputRecord, itemOf, type RawRecord, readText } from "./record.ts";
import { Unfinished } from "./unfinished.ts";

const LINE_FEED = 0x0a;
const NOTHING = Buffer.alloc(0);

/** Cuts behind every line feed; a last line needs none. */
export class LineCutter implements Cutter {
  readonly #unfinished: Unfinished;
  #line = 1;

  constructor(limit: number) {
    this.#unfinished = new Unfinished(limit);
  }

  get line(): number {
    return this.#line;
  }

  push(bytes: Buffer): RawRecord[] {
    const lines: RawRecord[] = [];
    let from = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, from)) {
      lines.push({ line: this.#line++, bytes: this.#unfinished.take(bytes.subarray(from, end)) });
      from = end + 1;
    }
    this.#unfinished.add(bytes.subarray(from));
    return lines;
  }

  end(): RawRecord[] {
    if (this.#unfinished.isEmpty) return [];
    return [{ line: this.#line, bytes: this.#unfinished.take(NOTHING) }];
  }
}

/** A line as a string item, its line break left out. */
export function readLine(raw: RawRecord): InputRecord | undefined {
  return readText(raw, (text) => JSON.stringify(text.endsWith("\r") ? text.slice(0, -1) : text));
}

/** A line of JSON as an item; a blank one is none. */
export function readJsonLine(raw: RawRecord): InputRecord | undefined {
  return readText(raw, (text, line) => {
    const trimmed = text.trim();
    return trimmed === "" ? undefined : itemOf(trimmed, line);
  });
}
