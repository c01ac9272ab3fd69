/** What is asked of an executor: one *pass*, that is some items of one chunk, each run once. */
import type { PassResult } from "../../domain/pass.ts";
import type { ReduceSpec } from "../../domain/reducers/index.ts";
import type { MaybePromise } from "../../runtime/maybe.ts";

export type { ItemFailure, PassResult, Piece } from "../../domain/pass.ts";

/** Where the chunk's items come from. */
export type Inputs =
  /** JSON text of an array that holds all items of the chunk. */
  | { type: "items"; json: Uint8Array | string }
  /** Item i of the chunk is `start + i * step`. */
  | { type: "range"; start: number; step: number; count: number };

/** Where a splitter puts the items that it makes. */
export interface SplitTarget {
  file: string;
  /** Bytes that the items of a chunk may have, which travels as one message. */
  maxChunkBytes: number;
}

/** One pass over a chunk. */
export interface PassRequest {
  job: string;
  kind: string;
  /** Job-wide number of the chunk's item 0. */
  from: number;
  /** Items in the chunk. */
  count: number;
  inputs: Inputs;
  /** Which items of the chunk to run, ascending. @default all */
  offsets?: readonly number[];
  /** Attempt number by offset. @default 1 each */
  attempts?: Readonly<Record<number, number>>;
  reduce: ReduceSpec;
  /** For the kind's splitter, run in the handler's place. */
  splitTo?: SplitTarget;
  /** Milliseconds an item may take; 0 means no limit. */
  timeout: number;
}

/**
 * Runs passes, some at once and the others after them in the order they came.
 *
 * A run that needs to wait for nothing is over when `run` returns. It fails only where no item could have been run at
 * all (unknown kind or reducer, a module that no longer loads). When `signal` aborts it still comes to a result, within
 * about half a second: what had finished by then is in it, the rest in `notRun`.
 */
export interface Executor {
  run(request: PassRequest, signal: AbortSignal): MaybePromise<PassResult>;
  /** Ends all passes as if aborted, and all threads. May be called twice. */
  close(): Promise<void>;
  /** How many passes run at once. */
  readonly slots: number;
}

/** The offsets that a request asks for. */
export function askedOffsets(request: PassRequest): readonly number[] {
  if (request.offsets !== undefined) return request.offsets;
  const offsets: number[] = [];
  for (let offset = 0; offset < request.count; offset++) offsets.push(offset);
  return offsets;
}

/** The offset of the item that stands at a place of those that a request asks for. */
export function askedOffset({ offsets }: PassRequest, at: number): number {
  return offsets === undefined ? at : (offsets[at] ?? 0);
}

/** How many items a request asks for. */
export function askedCount(request: PassRequest): number {
  return request.offsets?.length ?? request.count;
}

/** The attempt number of an item of the chunk. */
export function attemptOf(request: PassRequest, offset: number): number {
  return request.attempts?.[offset] ?? 1;
}

/** The result of a pass of which nothing was run. */
export function nothingRun(request: PassRequest): PassResult {
  return { pieces: [], failures: [], notRun: [...askedOffsets(request)], handlerMs: 0 };
}
