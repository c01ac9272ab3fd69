/**
 * Digests of what a job took in and gave out: a hash an item, of its number and its value, added up. So a digest depends on
 * neither the order of the items nor the cut into chunks, and two parts of it are added to the digest of both.
 *
 * Against mistakes, not against adversaries: 64 bits, not cryptographic, some nanoseconds a number
 * (docs/decisions/016-receipts.md).
 */
import { encodeJson } from "../protocol/json.ts";
import type { Digest } from "../protocol/receipt.ts";

/** The sum of no hashes. */
export const NO_DIGEST: Digest = [0, 0];

/** Tells values of different types apart whose words are the same. */
const TAG = { null: 1, false: 2, true: 3, integer: 4, double: 5, string: 6, array: 7, object: 8 } as const;

const DOUBLE = new Float64Array(1);
const DOUBLE_WORDS = new Uint32Array(DOUBLE.buffer);

/** Two 32-bit lanes, mixed word by word in the manner of Murmur 3. */
class Hash {
  #low = 0;
  #high = 0;

  get low(): number {
    return avalanche(this.#low);
  }

  get high(): number {
    return avalanche(this.#high);
  }

  begin(index: number): void {
    this.#low = Math.imul(index | 0, 0x9e37_79b1) ^ 0x2f7c_91a5;
    this.#high = Math.imul(index | 0, 0x85eb_ca77) ^ 0x6b43_a9b5;
    if (index > 0xffff_ffff) this.#word(Math.floor(index / 0x1_0000_0000));
  }

  value(value: unknown): void {
    if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#string(TAG.string, value);
    else if (value === null || value === undefined) this.#word(TAG.null);
    else if (typeof value === "boolean") this.#word(value ? TAG.true : TAG.false);
    else if (Array.isArray(value)) this.#array(value);
    else if (isPlain(value)) this.#object(value);
    else this.value(JSON.parse(encodeJson(value)));
  }

  #number(value: number): void {
    // Minus zero is written as 0, and counts as it.
    if ((value | 0) === value) {
      this.#tag(TAG.integer);
      this.#word(value);
      return;
    }
    DOUBLE[0] = value;
    this.#tag(TAG.double);
    this.#word(DOUBLE_WORDS[0] ?? 0);
    this.#word(DOUBLE_WORDS[1] ?? 0);
  }

  #string(tag: number, text: string): void {
    this.#word(tag ^ (text.length << 4));
    const even = text.length & ~1;
    for (let at = 0; at < even; at += 2) this.#word(text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16));
    if (even < text.length) this.#word(text.charCodeAt(even));
  }

  #array(values: readonly unknown[]): void {
    this.#word(TAG.array ^ (values.length << 4));
    for (const value of values) this.value(isWritten(value) ? value : null);
  }

  /** Members in their order, those left out that JSON leaves out. */
  #object(record: Readonly<Record<string, unknown>>): void {
    this.#word(TAG.object);
    for (const key of Object.keys(record)) {
      const member = record[key];
      if (member === undefined || !isWritten(member)) continue;
      this.#string(TAG.object, key);
      this.value(member);
    }
    this.#word(TAG.object);
  }

  /** Cheaper than a word of its own. */
  #tag(tag: number): void {
    this.#low = (this.#low + Math.imul(tag, 0xc2b2_ae3d)) | 0;
    this.#high = (this.#high + Math.imul(tag, 0x27d4_eb2f)) | 0;
  }

  #word(word: number): void {
    const a = Math.imul(word, 0xcc9e_2d51);
    this.#low = (Math.imul(this.#low ^ ((a << 15) | (a >>> 17)), 0x1b87_3593) + 0xe654_6b64) | 0;
    this.#low = (this.#low << 13) | (this.#low >>> 19);
    const b = Math.imul(word, 0x85eb_ca6b);
    this.#high = (Math.imul(this.#high ^ ((b << 17) | (b >>> 15)), 0xc2b2_ae35) + 0x38b3_4ae5) | 0;
    this.#high = (this.#high << 16) | (this.#high >>> 16);
  }
}

function avalanche(word: number): number {
  const first = Math.imul(word ^ (word >>> 16), 0x85eb_ca6b);
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2_ae35);
  return second ^ (second >>> 16);
}

/** Anything else (a Date, a Map, what has a method `toJSON`) is what its JSON text says. */
function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && !writesItself(value);
}

/** Data may have a member of that name, too. */
function writesItself(value: { toJSON?: unknown }): boolean {
  return typeof value.toJSON === "function";
}

/** What JSON writes as something else, perhaps as a number: a bigint, a boxed value, a Date. */
function isStandIn(value: unknown): boolean {
  if (typeof value === "bigint") return true;
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isPlain(value);
}

function isWritten(value: unknown): boolean {
  return typeof value !== "function" && typeof value !== "symbol";
}

/** One for all: a hash is begun and read in one go. */
const HASH = new Hash();
/** The hash of the item that was hashed last. */
let low = 0;
let high = 0;

function hashItem(index: number, value: unknown): void {
  if (typeof value === "number" && (value | 0) === value && index <= MAX_WORD) hashInteger(index, value);
  else hashAny(index, value);
}

const MAX_WORD = 0xffff_ffff;

/**
 * The commonest of all, a whole number of 32 bits, without a word-by-word hash. As the determinant of the four factors is
 * odd, no two pairs of an index and a value have both lanes alike.
 */
function hashInteger(index: number, value: number): void {
  low = avalanche((Math.imul(index, 0x9e37_79b1) + Math.imul(value, 0x85eb_ca76) + 0x2f7c_91a5) | 0);
  high = avalanche((Math.imul(index, 0xc2b2_ae3c) + Math.imul(value, 0x27d4_eb2f) + 0x6b43_a9b5) | 0);
}

function hashAny(index: number, value: unknown): void {
  if (isStandIn(value)) return hashItem(index, JSON.parse(encodeJson(value)));
  HASH.begin(index);
  HASH.value(value);
  low = HASH.low;
  high = HASH.high;
}

/** A sum of item hashes that grows. */
export class ItemDigest {
  #low = 0;
  #high = 0;

  /** Adds an item by its number in the job and its value, which must be one that can be written as JSON. */
  add(index: number, value: unknown): void {
    hashItem(index, value);
    this.#low = (this.#low + low) | 0;
    this.#high = (this.#high + high) | 0;
  }

  /** Adds a hash that {@link ItemHashes} kept. */
  addHash(hashes: ItemHashes, at: number): void {
    this.#low = (this.#low + hashes.low(at)) | 0;
    this.#high = (this.#high + hashes.high(at)) | 0;
  }

  get value(): Digest {
    return [this.#high >>> 0, this.#low >>> 0];
  }
}

const FEW = 16;

/** The hashes of a chunk's items, each kept until it is known whether the item counts. */
export class ItemHashes {
  readonly #words: Int32Array | number[];

  constructor(count: number) {
    // A typed array costs more than all else where there are few. Either has its length from the start: lists that grow
    // beside typed arrays make every write ten times as dear.
    this.#words = count < FEW ? new Array<number>(2 * count).fill(0) : new Int32Array(2 * count);
  }

  set(at: number, index: number, value: unknown): void {
    hashItem(index, value);
    this.#words[2 * at] = low;
    this.#words[2 * at + 1] = high;
  }

  low(at: number): number {
    return this.#words[2 * at] ?? 0;
  }

  high(at: number): number {
    return this.#words[2 * at + 1] ?? 0;
  }
}

/** The digest of the items of both. */
export function addDigests(a: Digest, b: Digest): Digest {
  return [(a[0] + b[0]) >>> 0, (a[1] + b[1]) >>> 0];
}

/** As people are shown it: 16 hexadecimal digits. */
export function digestText([high, low]: Digest): string {
  return hex(high) + hex(low);
}

function hex(word: number): string {
  return word.toString(16).padStart(8, "0");
}
