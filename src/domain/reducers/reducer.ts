/** What a reducer is: how the outputs of a job's items become its result, whatever the cut into chunks. */

export type { ParamValue, ReduceSpec } from "../../protocol/spec.ts";

/**
 * Folds outputs into a state, states into one, and the last state into the result.
 *
 * Cutting the outputs into chunks differently, or combining unordered chunks in another order, never changes the result.
 */
export interface Reducer<S = unknown> {
  readonly name: string;
  /** Whether the order of items matters (`collect`, `concat`): then only neighbouring chunks are combined, left first. */
  readonly ordered: boolean;
  init(): S;
  /**
   * Adds one output. May change `state` and return it.
   *
   * @throws ReducerMismatch when the output is not what the reducer takes; the state is then unchanged.
   * @throws HandlerFailed when the handler module's own reducer throws.
   */
  step(state: S, output: unknown): S;
  /** Joins two states. May change and return `a`, and keep parts of `b`: neither is to be used afterwards. */
  combine(a: S, b: S): S;
  /** Throws what fails the job where the state of many chunks has grown past a bound. */
  check?(state: S): void;
  /** The result: a JSON value, in which a bigint stands for an integer literal. The state may go on afterwards. */
  finish(state: S): unknown;
  /** The state as JSON text, for messages and checkpoints. */
  encode(state: S): string;
  /** @throws InvalidBody when the text is not what `encode` writes. */
  decode(text: string): S;
}

/**
 * The handler module's own `reduce`: a function of two outputs, or an accumulator with four steps.
 *
 * Either must be associative and commutative, synchronous, and its states must be JSON: they travel between processes.
 */
export type CustomReducer = CombineFunction | CustomSteps;

/** Makes one value of two; called with outputs, and with what it returned before. */
export type CombineFunction = (a: unknown, b: unknown) => unknown;

/** A reducer with an accumulator, made of outputs one by one, and of other accumulators. */
export interface CustomSteps {
  init(): unknown;
  step(acc: unknown, output: unknown): unknown;
  combine(a: unknown, b: unknown): unknown;
  /** @default the accumulator itself is the result */
  finish?(acc: unknown): unknown;
}
