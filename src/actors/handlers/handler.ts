/** What users write: handlers, and the values with which a handler steers what happens after a failure. */
import type { CustomReducer } from "../../domain/reducers/index.ts";
import type { Chunk } from "./chunk.ts";

/**
 * The user's function for a kind: one input value becomes one output value.
 *
 * Returning nothing counts as returning `null`. Throwing (or rejecting) fails this item only; it is tried again with
 * backoff unless {@link fail} says otherwise.
 *
 * @example
 * export const double = (n: number) => n * 2;
 */
export type Handler<I = unknown, O = unknown> = HandlerFunction<I, O> & HandlerOptions;

/** A handler without its properties. */
export type HandlerFunction<I = unknown, O = unknown> = (
  item: I,
  ctx: HandlerContext,
) => O | Steering | Promise<O | Steering>;

/**
 * A handler that takes many items at once, as models and databases want it: carries `batch: true`, is given the items of a
 * chunk (or those of them that are tried again), and returns as many outputs in the same order. In the place of an output
 * may stand what becomes of its item alone: {@link fail}, {@link retryAfter}, any Error, or a promise. Throwing fails all of
 * them.
 *
 * @example
 * export const lengths = Object.assign((texts: string[]) => texts.map((text) => text.length), { batch: true });
 */
export type BatchHandler<I = unknown, O = unknown> = BatchFunction<I, O> & HandlerOptions & { batch: true };

/** A batch handler without its properties. */
export type BatchFunction<I = unknown, O = unknown> = (
  items: I[],
  ctx: BatchContext,
) => BatchOutputs<O> | Promise<BatchOutputs<O>>;

/** One output, or one failure, an item. */
export type BatchOutputs<O> = readonly (O | Error | Promise<O | Error>)[];

/** Properties that a handler function may carry. */
export interface HandlerOptions {
  /**
   * Run on the worker's own event loop instead of in a thread: for handlers that wait (network, disk) rather than
   * compute. A handler that computes inline holds up everything else in its worker. @default false
   */
  inline?: boolean;
  /**
   * Milliseconds an item may take, where the job says nothing; 0 means no limit. Of a batch handler: the whole call.
   * @default 0
   */
  timeout?: number;
  /** How often an item is tried in all, where the job says nothing. */
  maxAttempts?: number;
  /** Take the items of a chunk at once instead of one by one: see {@link BatchHandler}. @default false */
  batch?: boolean;
  /** How outputs of this kind become the result; beats the module's own `reduce`. */
  reduce?: CustomReducer;
  /** Makes the items of jobs of this kind; beats the module's own `split`. */
  split?: Splitter;
}

/**
 * Makes a job's items of its value: a generator, asynchronous or not, that a handler module exports as `split`, or that a
 * handler carries as a property. It runs in a thread of a worker, before the first item does. Throwing begins it anew, as
 * an item is tried again; what it had yielded is dropped.
 *
 * Each value that it yields is an item; those of a {@link chunk} are a task.
 *
 * @example
 * export async function* split({ table }) {
 *   for await (const row of database.rows(table)) yield row.id;
 * }
 */
export type Splitter<V = unknown, I = unknown> = SplitterFunction<V, I> & SplitterOptions;

/** A splitter without its properties. */
export type SplitterFunction<V = unknown, I = unknown> = (
  value: V,
  ctx: HandlerContext,
) => AsyncIterable<I | Chunk<I>> | Iterable<I | Chunk<I>>;

/** Properties that a splitter may carry: the bounds past which it fails its job. */
export interface SplitterOptions {
  /** Milliseconds that it may take in all; 0 means no limit. @default 3,600,000 (an hour) */
  timeout?: number;
  /** Items that it may yield. @default 10,000,000 */
  maxItems?: number;
}

/** What a handler is told about the item it works on. */
export interface HandlerContext {
  readonly job: string;
  readonly kind: string;
  /** The item's number in the job, from 0. */
  readonly index: number;
  /** 1 at the first try. */
  readonly attempt: number;
  /** Which worker runs it. */
  readonly worker: string;
  /** Aborts when the item times out, the job is cancelled, or the worker is stopped for good. */
  readonly signal: AbortSignal;
  readonly log: HandlerLog;
}

/** What a batch handler is told; `index` is its first item's, `attempt` the highest of them. */
export interface BatchContext extends HandlerContext {
  /** The items' numbers in the job, in the order of the items. */
  readonly indexes: readonly number[];
  /** Their attempts. */
  readonly attempts: readonly number[];
}

/** How grave a log entry is. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** A log whose entries carry job, kind, item and attempt by themselves. */
export type HandlerLog = Readonly<
  Record<LogLevel, (message: string, fields?: Record<string, unknown>) => void>
>;

/** One entry of a handler's log, as the worker's process receives it. */
export interface HandlerLogEntry {
  level: LogLevel;
  message: string;
  fields?: Record<string, unknown>;
  job: string;
  kind: string;
  index: number;
  attempt: number;
  worker: string;
}

/** What a failed item asks for: never to be tried again, or to be tried after exactly so long. */
export type Steer = { type: "fail" } | { type: "retry-after"; ms: number };

/** Found by key, not by class: a handler module may have loaded its own copy of muster. */
const STEER = Symbol.for("muster.steer");

/**
 * A failure with instructions; made by {@link fail} and {@link retryAfter}, thrown or returned by a handler.
 *
 * @example
 * fail("no such order") instanceof Error; // true
 */
export class Steering extends Error {
  /** @internal */
  readonly [STEER]: Steer;

  /** @internal */
  constructor(steer: Steer, reason: string) {
    super(reason);
    this.name = "Steering";
    this[STEER] = steer;
  }
}

/**
 * Fails the item for good: it is not tried again.
 *
 * @example
 * import { fail, task } from "muster";
 *
 * const root = task("root", {
 *   run: (n: number) => {
 *     if (n < 0) throw fail("there is no root of a negative number");
 *     return Math.sqrt(n);
 *   },
 * });
 *
 * await muster.map(root, [9, -1], { onError: "continue" }); // [3, null]
 */
export function fail(reason: string): Steering {
  return new Steering({ type: "fail" }, reason);
}

/**
 * Fails this attempt; the next one comes after exactly `ms` milliseconds (unless it was the last).
 *
 * @example
 * import { retryAfter, task } from "muster";
 *
 * const patient = task("patient", {
 *   run: (_: number, { attempt }) => (attempt === 1 ? retryAfter(10, "the service is busy") : attempt),
 * });
 *
 * await muster.run(patient, 0); // 2
 */
export function retryAfter(ms: number, reason = `asked to be tried again after ${ms} ms`): Steering {
  const wait = Number.isFinite(ms) && ms > 0 ? ms : 0;
  return new Steering({ type: "retry-after", ms: wait }, reason);
}

/** The instruction that a thrown or returned value carries, if it is one. */
export function steerOf(value: unknown): Steer | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  try {
    return (value as { [STEER]?: Steer })[STEER];
  } catch {
    // A proxy that refuses to be looked at.
    return undefined;
  }
}
