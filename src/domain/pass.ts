/** What comes back from a *pass*: some items of one chunk, each run once. */
import type { Digest } from "../protocol/receipt.ts";

/** Outputs of some items, already reduced. */
export interface Piece {
  /** Job-wide number of the first item in it. */
  from: number;
  /** How many items it holds: consecutive ones for an ordered reducer, any of the pass's items otherwise. */
  count: number;
  /** JSON text, as `Reducer.encode` writes it. */
  partial: string;
  /** Digests of the items' inputs and outputs, as `ItemDigest` makes them. */
  digests: Digests;
}

export interface Digests {
  inputs: Digest;
  outputs: Digest;
}

/** One failed attempt at one item. */
export interface ItemFailure {
  /** Job-wide item number. */
  index: number;
  /** A stable code, see docs/errors.md. */
  code: string;
  message: string;
  /** Not to be tried again, whatever the number of attempts. */
  permanent: boolean;
  /** Milliseconds that the handler asked to wait before the next attempt. */
  retryAfter?: number;
  /** From 1. */
  attempt: number;
  stack?: string;
  /** The item as JSON text; left out where it is longer than 16 KiB. */
  input?: string;
}

/** Every asked item is in a piece, in `failures` or in `notRun`: exactly one of them. */
export interface PassResult {
  pieces: Piece[];
  failures: ItemFailure[];
  /** Offsets in the chunk that were not settled: the thread died at another item, or the pass was aborted. */
  notRun: number[];
  /** Wall-clock milliseconds from the first handler's start to the last one's end. */
  handlerMs: number;
}
