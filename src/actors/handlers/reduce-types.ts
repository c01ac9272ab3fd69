/** Reducers as types: what a task may name or bring, and what comes of its outputs. */

/** The reducers that are built in, as they are named: see the protocol. */
export type BuiltInReducer =
  | "collect"
  | "concat"
  | "sum"
  | "count"
  | "min"
  | "max"
  | "mean"
  | "merge-counts"
  | "top-k"
  | `top-k:${number}`
  | `histogram:${number}:${number}:${number}`
  | `group-by:${string}`;

/**
 * Makes one value of two: outputs, or what it returned before. Must be associative and commutative, and synchronous.
 *
 * @example
 * const longest = (a: string, b: string) => (a.length >= b.length ? a : b);
 */
export type ReduceFunction<Output> = (a: Output, b: Output) => Output;

/** A reducer with an accumulator, which must be JSON: it travels between processes. */
export interface ReduceSteps<Output> {
  init(): unknown;
  step(accumulator: unknown, output: Output): unknown;
  combine(a: unknown, b: unknown): unknown;
  /** @default the accumulator itself is the result */
  finish?(accumulator: unknown): unknown;
}

/** How outputs become a result: a built-in reducer by name, or one of the task's own. */
export type Reducing<Output> = BuiltInReducer | ReduceFunction<Output> | ReduceSteps<Output>;

/** What a histogram gives. */
export interface Histogram {
  /** The edges of the bins: one more than there are bins. */
  edges: number[];
  counts: number[];
  below: number;
  above: number;
}

/** The result of a job whose outputs are `Output`, reduced by `Reduce`. */
export type ResultOf<Reduce, Output> = Reduce extends keyof NamedResults<Output>
  ? NamedResults<Output>[Reduce]
  : Reduce extends "top-k" | `top-k:${string}`
    ? TopOf<Output>
    : Reduce extends `histogram:${string}`
      ? Histogram
      : Reduce extends `group-by:${string}`
        ? Record<string, GroupOf<Reduce>>
        : OwnResult<Reduce>;

interface NamedResults<Output> {
  collect: Output[];
  concat: Output extends string ? string : Output extends readonly (infer Element)[] ? Element[] : never;
  /** Integers beyond ±(2^53 − 1) are rounded here; the outcome's body has them whole. */
  sum: number;
  count: number;
  min: Output | null;
  max: Output | null;
  mean: number | null;
  "merge-counts": Record<string, number>;
}

type TopOf<Output> = Output extends number ? number[] : [key: string, total: number][];

/** What a group becomes: a number where the name says so, as in `group-by:country:sum:amount`. */
type GroupOf<Reduce> = Reduce extends `group-by:${string}:${"sum" | "count" | "mean"}${"" | `:${string}`}`
  ? number
  : unknown;

type OwnResult<Reduce> = Reduce extends { finish(accumulator: never): infer Result }
  ? Result
  : Reduce extends { init(): infer Accumulator }
    ? Accumulator
    : Reduce extends (...outputs: never[]) => infer Combined
      ? Combined | null
      : unknown;
