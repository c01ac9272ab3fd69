/**
 * How the results of one job become its outcome: a pure machine. Every item counts once, however often, late or out of
 * order its results come: what was counted is a set of item ranges, never a window of time.
 */
import { ItemFailed, type MusterError, ReceiptMismatch, toMusterError } from "../errors.ts";
import { type Failure, MAX_NAMED_FAILURES } from "../protocol/failure.ts";
import type { Result } from "../protocol/messages.ts";
import type { ItemRange, JobSpec } from "../protocol/spec.ts";
import { Coverage } from "./coverage.ts";
import { addToReceipt, faultOf, type ReceiptState, startReceipt } from "./receipt.ts";
import type { Reducer } from "./reducers/index.ts";

/** Where the partial of an ordered result lies: it is read back in item order when the job is complete. */
export interface Piece extends ItemRange {
  /** Sequence in the results stream. */
  readonly seq: number;
  readonly bytes: number;
  /** Object that holds it, where it is larger than a message. */
  readonly object?: string;
  /** The partial itself, while there is memory for it. */
  text?: string | undefined;
}

export interface GatherState {
  readonly spec: JobSpec;
  readonly coverage: Coverage;
  /** The combined state of an unordered reducer. */
  accumulator: unknown;
  /** The partials of an ordered reducer. */
  readonly pieces: Piece[];
  total: number | undefined;
  tasks: number;
  duplicates: number;
  failed: number;
  handlerMs: number;
  bytes: number;
  readonly failures: Failure[];
  readonly receipt: ReceiptState;
  started: number | undefined;
  /** Lowest sequence of the results that were counted; 0: none was. */
  firstSeq: number;
  /** Set once the job is over; later results count as duplicates. */
  verdict: Verdict | undefined;
}

/** How the job ended. */
export type Verdict = { state: "succeeded" } | { state: "failed"; error: MusterError };

export interface Arrival {
  result: Result;
  seq: number;
  bytes: number;
  now: number;
}

export type Counted = "counted" | "duplicate";

export function startGather(spec: JobSpec, reducer: Reducer): GatherState {
  return {
    spec,
    coverage: new Coverage(),
    accumulator: reducer.ordered ? undefined : reducer.init(),
    pieces: [],
    total: spec.total,
    tasks: 0,
    duplicates: 0,
    failed: 0,
    handlerMs: 0,
    bytes: 0,
    failures: [],
    receipt: startReceipt(),
    started: undefined,
    firstSeq: 0,
    verdict: undefined,
  };
}

/**
 * Counts a result, once. A partial that the reducer cannot take fails the job rather than the partition: a poison
 * result must not stop its neighbours.
 */
export function onResult(state: GatherState, reducer: Reducer, arrival: Arrival): Counted {
  const { result } = arrival;
  if (state.verdict !== undefined || state.coverage.add(result.from, result.count) !== "new") {
    state.duplicates++;
    return "duplicate";
  }
  note(state, arrival);
  try {
    take(state, reducer, arrival);
  } catch (error) {
    state.verdict = { state: "failed", error: toMusterError(error) };
  }
  state.verdict ??= verdictOf(state);
  return "counted";
}

function note(state: GatherState, { result, seq, bytes, now }: Arrival): void {
  state.tasks++;
  state.handlerMs += result.handlerMs;
  state.bytes += bytes;
  state.failed += result.failed ?? result.failures.length;
  state.started ??= now;
  state.total ??= result.spec.total;
  // Partials that lie in the object store are counted later than they came.
  state.firstSeq = state.firstSeq === 0 ? seq : Math.min(state.firstSeq, seq);
  name(state.failures, result.failures);
  addToReceipt(state.receipt, result);
}

/** Keeps the first few failed items by number, in whatever order their results come. */
function name(named: Failure[], failures: readonly Failure[]): void {
  if (failures.length === 0) return;
  named.push(...failures);
  named.sort((a, b) => a.index - b.index);
  named.splice(MAX_NAMED_FAILURES);
}

function take(state: GatherState, reducer: Reducer, { result, seq, bytes }: Arrival): void {
  const { from, count, object } = result;
  if (reducer.ordered) {
    state.pieces.push(
      object === undefined ? { from, count, seq, bytes } : { from, count, seq, bytes, object },
    );
    return;
  }
  state.accumulator = reducer.combine(state.accumulator, reducer.decode(result.partial));
  reducer.check?.(state.accumulator);
}

function verdictOf(state: GatherState): Verdict | undefined {
  const [first] = state.failures;
  if (first !== undefined && state.spec.onError === "fail")
    return { state: "failed", error: new ItemFailed(first) };
  if (state.total === undefined || !state.coverage.isComplete(state.total)) return undefined;
  return succeeded(state, state.total);
}

/** A job is not said to have succeeded where its receipt does not add up. */
function succeeded({ spec, coverage, failed, receipt }: GatherState, total: number): Verdict {
  const fault = faultOf(receipt, { items: coverage.count, failed, total });
  if (fault === undefined) return { state: "succeeded" };
  return { state: "failed", error: new ReceiptMismatch(spec.job, fault) };
}
