/** What results say for their job's receipt, and outcomes of it: headers, and back. */
import { decimalAt } from "./decimal.ts";

/** A digest of items: two unsigned words of 32 bits, the higher one first. */
export type Digest = readonly [high: number, low: number];

/** What a worker says of one chunk for the job's receipt. */
export interface Tally {
  /** Items whose outputs are in the partial. */
  readonly outputs: number;
  /** Tries at items, those that failed included. */
  readonly attempts: number;
  /** Digest of the inputs of these items, as `ItemDigest` makes it. */
  readonly inputDigest: Digest;
  readonly outputDigest: Digest;
  /** When the worker took the task in hand and when it was done with it, in milliseconds since 1970 by its own clock. */
  readonly began: number;
  readonly ended: number;
  /** Slots of the worker. */
  readonly slots: number;
}

/** What an outcome carries of its job's receipt, beside the counts and times that have headers of their own. */
export interface ReceiptHead {
  /** Items whose outputs are in the result. */
  readonly outputs: number;
  readonly attempts: number;
  /** 16 hexadecimal digits. */
  readonly inputDigest: string;
  readonly outputDigest: string;
  /** When the first task began and the last one ended, in milliseconds since 1970 by the workers' clocks. */
  readonly began: number;
  readonly ended: number;
  /** Workers that took part, as far as they were told apart. */
  readonly workers: number;
  /** Slots of these workers together. */
  readonly slots: number;
  /** The ids of the first few. */
  readonly names: readonly string[];
}

const DIGEST = /^[0-9a-f]{16}$/;

/**
 * `outputs attempts`, the two words of each digest, `began ended slots`: decimal numbers, as every result carries it and
 * none is cheaper to read.
 */
export function encodeTally(tally: Tally): string {
  const { outputs, attempts, inputDigest, outputDigest, began, ended, slots } = tally;
  return `${outputs} ${attempts} ${inputDigest[0]} ${inputDigest[1]} ${outputDigest[0]} ${outputDigest[1]} ${began} ${ended} ${slots}`;
}

const TALLY_FIELDS = 9;

/** Undefined where it is no tally: its items are then accounted for by nobody, and their job's receipt will not add up. */
export function decodeTally(header: string | undefined): Tally | undefined {
  if (header === undefined) return undefined;
  const numbers = decimals(header);
  if (numbers?.length !== TALLY_FIELDS) return undefined;
  const [outputs = 0, attempts = 0, inHigh = 0, inLow = 0, outHigh = 0, outLow = 0, ...rest] = numbers;
  const [began = 0, ended = 0, slots = 0] = rest;
  return {
    outputs,
    attempts,
    inputDigest: [inHigh, inLow],
    outputDigest: [outHigh, outLow],
    began,
    ended,
    slots,
  };
}

/** Decimal numbers with a space between them; undefined where there is anything else. */
function decimals(text: string): number[] | undefined {
  const numbers: number[] = [];
  for (let start = 0; start <= text.length; ) {
    const space = text.indexOf(" ", start);
    const end = space < 0 ? text.length : space;
    const number = decimalAt(text, start, end);
    if (!Number.isSafeInteger(number)) return undefined;
    numbers.push(number);
    start = end + 1;
  }
  return numbers;
}

export function encodeReceipt(head: ReceiptHead): string {
  return JSON.stringify(head);
}

/** Undefined where it is none. */
export function decodeReceipt(header: string | undefined): ReceiptHead | undefined {
  try {
    const head: unknown = JSON.parse(header ?? "null");
    return isReceipt(head) ? head : undefined;
  } catch {
    return undefined;
  }
}

function isReceipt(value: unknown): value is ReceiptHead {
  if (typeof value !== "object" || value === null) return false;
  const head = value as Partial<ReceiptHead>;
  const {
    outputs,
    attempts,
    began,
    ended,
    workers,
    slots,
    names,
    inputDigest = "",
    outputDigest = "",
  } = head;
  return (
    [outputs, attempts, began, ended, workers, slots].every(isAmount) &&
    DIGEST.test(inputDigest) &&
    DIGEST.test(outputDigest) &&
    Array.isArray(names) &&
    names.every((name) => typeof name === "string")
  );
}

function isAmount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
