/** The elements of one large JSON array, one by one. */
import { type Cutter, type InputRecord, itemOf, type RawRecord, readText } from "./record.ts";
import { Unfinished } from "./unfinished.ts";

const BYTE = {
  lineFeed: 0x0a,
  quote: 0x22,
  comma: 0x2c,
  openArray: 0x5b,
  backslash: 0x5c,
  closeArray: 0x5d,
  openObject: 0x7b,
  closeObject: 0x7d,
} as const;
const NOTHING = Buffer.alloc(0);

/** Where in the text a byte stands. */
type Place =
  | "before"
  | "element"
  | "string"
  /** Behind a backslash in a string. */
  | "escape"
  | "behind"
  /** The text is no array, or goes on behind it: nothing more is read. */
  | "lost";

/** Cuts at the commas between the elements; whether each is valid, its reader tells. */
export class ElementCutter implements Cutter {
  readonly #unfinished: Unfinished;
  #place: Place = "before";
  /** Brackets open within the element. */
  #depth = 0;
  #line = 1;
  /** Where the element begins; undefined before its first byte that is no space. */
  #elementLine: number | undefined;
  /** Elements so far: only a first one may be missing. */
  #elements = 0;
  #found: RawRecord[] = [];
  #from = 0;

  constructor(limit: number) {
    this.#unfinished = new Unfinished(limit);
  }

  get line(): number {
    return this.#elementLine ?? this.#line;
  }

  push(bytes: Buffer): RawRecord[] {
    this.#found = [];
    this.#from = 0;
    for (let at = 0; at < bytes.length; at++) this.#take(bytes, at);
    if (this.#isWithin) this.#unfinished.add(bytes.subarray(this.#from));
    return this.#found;
  }

  end(): RawRecord[] {
    this.#found = [];
    if (this.#place === "before") this.#fault("the input is no JSON array.");
    else if (this.#isWithin) this.#fault("the input ends within the array.");
    return this.#found;
  }

  get #isWithin(): boolean {
    return this.#place === "element" || this.#place === "string" || this.#place === "escape";
  }

  #take(bytes: Buffer, at: number): void {
    const byte = bytes[at] ?? 0;
    if (byte === BYTE.lineFeed) this.#line++;
    if (this.#place === "string") this.#place = afterInString(byte);
    else if (this.#place === "escape") this.#place = "string";
    else if (this.#place === "element") this.#takeOutside(bytes, at, byte);
    else if (!isSpace(byte)) this.#takeAround(at, byte);
  }

  /** In an element, and in no string. */
  #takeOutside(bytes: Buffer, at: number, byte: number): void {
    const ends = this.#depth === 0 && (byte === BYTE.comma || byte === BYTE.closeArray);
    if (ends) return this.#endElement(bytes, at, byte);
    if (this.#elementLine === undefined && !isSpace(byte)) this.#elementLine = this.#line;
    if (byte === BYTE.quote) this.#place = "string";
    else if (byte === BYTE.openArray || byte === BYTE.openObject) this.#depth++;
    else if (byte === BYTE.closeArray || byte === BYTE.closeObject)
      this.#depth = Math.max(0, this.#depth - 1);
  }

  #endElement(bytes: Buffer, at: number, byte: number): void {
    const text = this.#unfinished.take(bytes.subarray(this.#from, at));
    const isEmptyArray = byte === BYTE.closeArray && this.#elements === 0 && this.#elementLine === undefined;
    if (!isEmptyArray) this.#found.push({ line: this.line, bytes: text });
    this.#elements++;
    this.#elementLine = undefined;
    this.#from = at + 1;
    if (byte === BYTE.closeArray) this.#place = "behind";
  }

  /** Before the array, or behind it. */
  #takeAround(at: number, byte: number): void {
    if (this.#place === "before" && byte === BYTE.openArray) {
      this.#place = "element";
      this.#from = at + 1;
    } else if (this.#place !== "lost") {
      this.#fault(this.#place === "before" ? "the input is no JSON array." : "it stands behind the array.");
      this.#place = "lost";
    }
  }

  #fault(fault: string): void {
    this.#unfinished.take(NOTHING);
    this.#found.push({ line: this.line, bytes: NOTHING, fault });
  }
}

function afterInString(byte: number): Place {
  if (byte === BYTE.quote) return "element";
  return byte === BYTE.backslash ? "escape" : "string";
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === BYTE.lineFeed || byte === 0x0d;
}

/** An element as an item. */
export function readElement(raw: RawRecord): InputRecord | undefined {
  return readText(raw, (text, line) => itemOf(text.trim(), line));
}

/** The texts of an array that muster wrote, as they come. */
export async function* elementTexts(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
  const cutter = new ElementCutter(Number.POSITIVE_INFINITY);
  for await (const piece of bytes) {
    const raws = cutter.push(Buffer.from(piece.buffer, piece.byteOffset, piece.length));
    yield raws.map((raw) => raw.bytes?.toString("utf8") ?? "null");
  }
}
