/**
 * Several results of one job and one worker in one message: what they have alike in its headers, their numbers as one list, then
 * their partials.
 *
 * What a broker, a worker and an aggregator do for a message costs more than what they do for the bytes of a small one, so
 * results that are ready together travel together. They are not merged: one of them may have been counted before, the others not.
 */
import { InvalidBody } from "../errors.ts";
import { inflated } from "./compression.ts";
import { decodeResult, type Encoded, type Received, type Result } from "./messages.ts";
import { HEADER } from "./names.ts";
import type { Tally } from "./receipt.ts";
import { decodeItems, encodeItems, encodeSpec, type SpecDecoder } from "./spec.ts";

/** A result that can travel with others: nothing failed in it, its partial is in the message, and it says how it came about. */
export type PackedResult = Result & { readonly tally: Tally };

/** A result as it came. */
export interface ResultArrival {
  readonly result: Result;
  /** Bytes of its body. */
  readonly bytes: number;
}

export function isPackable(result: Result): result is PackedResult {
  return result.tally !== undefined && result.object === undefined && result.failures.length === 0;
}

/**
 * The numbers of one result in the list: `from count bytes microseconds outputs attempts`, the two words of each digest, `began ended`.
 * All of them are written as small integers, the words with their sign and the times from the first one on: these are the
 * cheapest to write and to read.
 */
const WIDTH = 12;

/** Puts results of one job and one worker into one message; there is at least one, and `total` is the same in all. */
export function encodePack(results: readonly PackedResult[], specText?: string): Encoded {
  const [first] = results as readonly [PackedResult];
  const since = first.tally.began;
  const numbers: number[] = [];
  let end = first.from + first.count;
  let start = first.from;
  let text = "";
  for (const { from, count, partial, handlerMs, tally } of results) {
    const { outputs, attempts, inputDigest, outputDigest, began, ended } = tally;
    numbers.push(from, count, Buffer.byteLength(partial), Math.round(handlerMs * 1_000), outputs, attempts);
    numbers.push(inputDigest[0] | 0, inputDigest[1] | 0, outputDigest[0] | 0, outputDigest[1] | 0);
    numbers.push(began - since, ended - since);
    text += partial;
    start = Math.min(start, from);
    end = Math.max(end, from + count);
  }
  const { spec, worker, tally } = first;
  return {
    headers: {
      [HEADER.items]: encodeItems({ from: start, count: end - start }, spec.total),
      [HEADER.worker]: worker,
      [HEADER.pack]: `${results.length} ${since} ${tally.slots}`,
      [HEADER.spec]: specText ?? encodeSpec(spec),
    },
    data: `${JSON.stringify(numbers)}\n${text}`,
  };
}

/**
 * The results that a stored message stands for, be it compressed, a pack, both or neither.
 *
 * @param limit bytes that its body may inflate to
 * @throws InvalidBody where it cannot be inflated, is no result, or cannot be taken apart
 */
export function resultsIn(message: Received, specs: SpecDecoder, limit: number): readonly ResultArrival[] {
  const plain = inflated(message, limit);
  if (plain.headers[HEADER.pack] !== undefined) return decodePack(plain, specs);
  return [{ result: decodeResult(plain, specs), bytes: plain.data.length }];
}

/** @throws InvalidBody where the message is no pack, or cannot be taken apart */
export function decodePack({ headers, data }: Received, specs: SpecDecoder): ResultArrival[] {
  const { from: start, count: span, total } = decodeItems(headers[HEADER.items]);
  const spec = specs.decode(headers[HEADER.spec], total);
  const worker = headers[HEADER.worker] ?? "";
  const [length, since, slots] = packHeader(headers[HEADER.pack]);
  const { numbers, bodies } = partsOf(data);
  if (length === 0 || numbers.length !== length * WIDTH) throw unreadable();
  const arrivals: ResultArrival[] = [];
  for (let at = 0; at < numbers.length; at += WIDTH) {
    const from = numbers[at] as number;
    const count = numbers[at + 1] as number;
    const bytes = numbers[at + 2] as number;
    const micros = numbers[at + 3] as number;
    const outputs = numbers[at + 4] as number;
    const attempts = numbers[at + 5] as number;
    const began = since + (numbers[at + 10] as number);
    const ended = since + (numbers[at + 11] as number);
    const isInside = from >= start && count >= 1 && from + count <= start + span;
    if (!isInside || Math.min(bytes, micros, outputs, attempts, began, ended) < 0) throw unreadable();
    const tally: Tally = {
      outputs,
      attempts,
      inputDigest: [(numbers[at + 6] as number) >>> 0, (numbers[at + 7] as number) >>> 0],
      outputDigest: [(numbers[at + 8] as number) >>> 0, (numbers[at + 9] as number) >>> 0],
      began,
      ended,
      slots,
    };
    const partial = bodies.take(bytes);
    const handlerMs = micros / 1_000;
    arrivals.push({
      result: { spec, from, count, partial, failures: NONE, handlerMs, worker, tally },
      bytes,
    });
  }
  if (!bodies.isEmpty) throw unreadable();
  return arrivals;
}

const NONE: Result["failures"] = [];
const LINE_FEED = 0x0a;
const PACK = /^(\d{1,7}) (\d{1,15}) (\d{1,9})$/;

function packHeader(header: string | undefined): [length: number, since: number, slots: number] {
  const match = PACK.exec(header ?? "");
  if (match === null) throw unreadable();
  return [Number(match[1]), Number(match[2]), Number(match[3])];
}

function partsOf(data: Uint8Array): { numbers: readonly number[]; bodies: Bodies } {
  const end = data.indexOf(LINE_FEED);
  const numbers = parseNumbers(textOf(data.subarray(0, Math.max(0, end))));
  return { numbers, bodies: new Bodies(data.subarray(end + 1)) };
}

function parseNumbers(line: string): readonly number[] {
  let numbers: unknown;
  try {
    numbers = JSON.parse(line);
  } catch (cause) {
    throw unreadable(cause);
  }
  if (!Array.isArray(numbers) || !numbers.every(isWhole)) throw unreadable();
  return numbers;
}

/** Whole, and far from where sums of two of them would not be. */
function isWhole(value: unknown): boolean {
  return Number.isInteger(value) && Math.abs(value as number) < MOST;
}

const MOST = 2 ** 50;

/** The partials one after the other. */
class Bodies {
  readonly #data: Uint8Array;
  /** Where every character is a byte, all of them are decoded at once: as many small pieces cost ten times that. */
  readonly #text: string | undefined;
  #at = 0;

  constructor(data: Uint8Array) {
    const text = textOf(data);
    this.#data = data;
    this.#text = text.length === data.length ? text : undefined;
  }

  get isEmpty(): boolean {
    return this.#at === this.#data.length;
  }

  take(bytes: number): string {
    const start = this.#at;
    this.#at += bytes;
    if (this.#at > this.#data.length) throw unreadable();
    return this.#text?.slice(start, this.#at) ?? textOf(this.#data.subarray(start, this.#at));
  }
}

function textOf({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString("utf8");
}

function unreadable(cause?: unknown): InvalidBody {
  return new InvalidBody("The results that the message packs together cannot be read.", {
    path: HEADER.pack,
    cause,
  });
}
