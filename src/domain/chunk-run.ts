/**
 * Drives a chunk through passes until each of its items is settled: reduced into a piece, or failed for good.
 *
 * Items that fail are tried again after a wait of their own. An item whose thread died with it is a *suspect*: from then
 * on it runs alone, so that it cannot take its neighbours' outputs with it again. As the blame may be wrong (what one item
 * leaves behind may kill the thread under the next), the others run in passes half as long after every death.
 */
import { ImpossibleTransition } from "../errors.ts";
import type { ItemFailure, PassResult, Piece } from "./pass.ts";

/** Bounds of the waits between the attempts at an item, in milliseconds. */
export interface RetryBackoff {
  /** Upper bound of the first wait; it doubles with every attempt. */
  base: number;
  max: number;
}

/** How often and how soon failed items are tried again, and what time it is. */
export interface RetryPolicy {
  /** Attempts an item gets in all, at least 1. */
  maxAttempts: number;
  /** @default 100 ms doubling up to 30 s, with full jitter */
  backoff?: RetryBackoff;
  /** From 0 up to, not including, 1. */
  random: () => number;
  /** Milliseconds, on any scale that only grows. */
  now: number;
}

/** The waits where a policy says nothing. */
export const RETRY_BACKOFF: RetryBackoff = { base: 100, max: 30_000 };

/** What is to be done next. */
export type ChunkStep =
  /** Run these items of the chunk (all where `offsets` is absent); attempts are 1 where they are absent. */
  | { type: "run"; offsets?: readonly number[]; attempts?: Readonly<Record<number, number>> }
  /** Wait, then call {@link onWaited}. */
  | { type: "wait"; ms: number }
  | { type: "done"; pieces: readonly Piece[]; failures: readonly ItemFailure[] };

/** An item that is not settled. */
interface Pending {
  readonly offset: number;
  /** Attempts that failed so far. */
  readonly failed: number;
  /** When it may run again. */
  readonly notBefore: number;
  /** A thread died with it. */
  readonly suspect: boolean;
}

/** Where a chunk is. */
export interface ChunkState {
  /** Job-wide number of the first item. */
  readonly from: number;
  readonly count: number;
  /** What is not settled, in item order; undefined before the first pass, when it is everything. */
  readonly pending: readonly Pending[] | undefined;
  /** The offsets of the pass that is out; `all` before the first one comes back, undefined while none is out. */
  readonly running: readonly number[] | "all" | undefined;
  readonly pieces: readonly Piece[];
  /** Failed for good. */
  readonly failures: readonly ItemFailure[];
  /** Passes that ended with their thread's death. */
  readonly deaths: number;
}

/** A chunk of which nothing was run yet. */
interface UnrunChunk {
  from: number;
  count: number;
  settled?: readonly ItemFailure[];
}

/** A state and what it asks for. */
export interface ChunkMove {
  state: ChunkState;
  next: ChunkStep;
}

/** Begins with a pass over everything that is not settled already; `settled` are items that failed before any ran. */
export function startChunk({ from, count, settled = [] }: UnrunChunk): ChunkMove {
  const state: ChunkState = {
    from,
    count,
    pending: undefined,
    running: "all",
    pieces: [],
    failures: [],
    deaths: 0,
  };
  if (count > 0 && settled.length === 0) return { state, next: { type: "run" } };
  const failed = new Set(settled.map(({ index }) => index - from));
  const pending = everything(count)
    .filter((offset) => !failed.has(offset))
    .map(untried);
  return advance({ ...state, pending, running: undefined, failures: settled }, 0);
}

/**
 * Takes in a pass that ended by itself (one that was aborted ends the chunk's run here instead).
 * @throws ImpossibleTransition when no pass is out, or the result does not account for exactly its items
 */
export function onPass(state: ChunkState, result: PassResult, policy: RetryPolicy): ChunkMove {
  if (state.running === undefined) throw impossible("A pass came back while none was out", state);
  if (isAllAtOnce(state, result))
    return advance({ ...state, running: undefined, pieces: result.pieces }, policy.now);
  const asked = state.running === "all" ? everything(state.count) : state.running;
  assertAccounts(state, asked, result);
  const died = result.notRun.length > 0 || result.failures.some(isCrash);
  const settled: ChunkState = {
    ...state,
    running: undefined,
    pending: stillPending(state, { asked, result, died, policy }),
    pieces: [...state.pieces, ...result.pieces],
    failures: [...state.failures, ...result.failures.filter((failure) => isFinal(failure, policy))],
    deaths: state.deaths + (died ? 1 : 0),
  };
  return advance(settled, policy.now);
}

/** The first pass settled every item: the common case, which needs no bookkeeping. */
function isAllAtOnce({ running, count }: ChunkState, { pieces, failures, notRun }: PassResult): boolean {
  const [only] = pieces;
  return (
    running === "all" &&
    failures.length === 0 &&
    notRun.length === 0 &&
    pieces.length === 1 &&
    only?.count === count
  );
}

/** Goes on after a wait. @throws ImpossibleTransition when a pass is out */
export function onWaited(state: ChunkState, now: number): ChunkMove {
  if (state.running !== undefined) throw impossible("A wait ended while a pass was out", state);
  return advance(state, now);
}

// ── what a pass settles ────────────────────────────────────────────────────────────────────────────────────────

interface Returned {
  asked: readonly number[];
  result: PassResult;
  died: boolean;
  policy: RetryPolicy;
}

function stillPending(state: ChunkState, returned: Returned): Pending[] {
  const { asked, result, policy } = returned;
  const before = new Map((state.pending ?? []).map((item) => [item.offset, item]));
  for (const offset of asked) before.delete(offset);
  const known = new Map((state.pending ?? []).map((item) => [item.offset, item]));
  const again = result.notRun.map((offset) => known.get(offset) ?? untried(offset));
  const failed = result.failures
    .filter((failure) => !isFinal(failure, policy))
    .map((failure) =>
      afterFailure(known.get(failure.index - state.from), failure, { ...returned, from: state.from }),
    );
  return [...before.values(), ...again, ...failed].sort((a, b) => a.offset - b.offset);
}

function untried(offset: number): Pending {
  return { offset, failed: 0, notBefore: 0, suspect: false };
}

function afterFailure(
  known: Pending | undefined,
  failure: ItemFailure,
  { died, policy, from }: Returned & { from: number },
): Pending {
  const wait = failure.retryAfter ?? jittered(policy, failure.attempt);
  return {
    offset: failure.index - from,
    failed: failure.attempt,
    notBefore: policy.now + wait,
    suspect: died || known?.suspect === true,
  };
}

/** Full jitter: items that failed together do not come back together. */
function jittered({ backoff = RETRY_BACKOFF, random }: RetryPolicy, attempt: number): number {
  return Math.ceil(random() * Math.min(backoff.max, backoff.base * 2 ** (attempt - 1)));
}

function isFinal(failure: ItemFailure, { maxAttempts }: RetryPolicy): boolean {
  return failure.permanent || failure.attempt >= maxAttempts;
}

function isCrash({ code }: ItemFailure): boolean {
  return code === "handler_crashed";
}

function everything(count: number): number[] {
  return Array.from({ length: count }, (_, offset) => offset);
}

/** A result that loses or doubles an item would make the job's result wrong: better no result than that. */
function assertAccounts(state: ChunkState, asked: readonly number[], result: PassResult): void {
  const { pieces, failures, notRun } = result;
  const open = new Set(asked);
  const unasked = [...failures.map(({ index }) => index - state.from), ...notRun].find(
    (offset) => !open.delete(offset),
  );
  if (unasked !== undefined)
    throw impossible(`A pass names item ${state.from + unasked} unasked or twice`, state);
  const reduced = pieces.reduce((sum, piece) => sum + piece.count, 0);
  if (reduced !== open.size) throw impossible(`A pass reduced ${reduced} items, not ${open.size}`, state);
  if (reduced === 0 && failures.length === 0) throw impossible("A pass settled nothing", state);
}

function impossible(what: string, state: ChunkState): ImpossibleTransition {
  const { from, count, pending, running, pieces, failures, deaths } = state;
  const out =
    running === undefined ? "nothing" : running === "all" ? "everything" : `${running.length} items`;
  return new ImpossibleTransition(`${what}.`, [
    `chunk of ${count} items from ${from}: ${pending?.length ?? count} pending, ${out} running`,
    `${pieces.length} pieces, ${failures.length} failures, ${deaths} deaths`,
  ]);
}

// ── what comes next ────────────────────────────────────────────────────────────────────────────────────────────

function advance(state: ChunkState, now: number): ChunkMove {
  const pending = state.pending ?? [];
  if (pending.length === 0)
    return { state, next: { type: "done", pieces: state.pieces, failures: state.failures } };
  const due = pending.filter((item) => item.notBefore <= now);
  if (due.length === 0) return { state, next: { type: "wait", ms: untilNext(pending, now) } };
  return run(state, nextPass(state, due));
}

/** A suspect goes first, and alone. */
function nextPass({ count, deaths }: ChunkState, due: readonly Pending[]): readonly Pending[] {
  const suspect = due.find((item) => item.suspect);
  return suspect === undefined ? due.slice(0, Math.max(1, Math.ceil(count / 2 ** deaths))) : [suspect];
}

function run(state: ChunkState, items: readonly Pending[]): ChunkMove {
  const offsets = items.map(({ offset }) => offset);
  const attempts = Object.fromEntries(
    items.filter(({ failed }) => failed > 0).map(({ offset, failed }) => [offset, failed + 1]),
  );
  return { state: { ...state, running: offsets }, next: { type: "run", offsets, attempts } };
}

function untilNext(pending: readonly Pending[], now: number): number {
  return pending.reduce((least, { notBefore }) => Math.min(least, notBefore - now), Number.POSITIVE_INFINITY);
}
