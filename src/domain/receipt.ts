/** The receipt of a job: what was counted, by whom and how fast; and whether it adds up. */
import type { Result } from "../protocol/messages.ts";
import type { Outcome } from "../protocol/outcome.ts";
import type { Digest, ReceiptHead } from "../protocol/receipt.ts";
import { addDigests, digestText, NO_DIGEST } from "./item-digest.ts";

/** A receipt that grows with every result that is counted. */
export interface ReceiptState {
  outputs: number;
  attempts: number;
  inputDigest: Digest;
  outputDigest: Digest;
  /** Undefined before the first result. */
  began: number | undefined;
  ended: number;
  /** Slots by worker, of the first {@link MAX_WORKERS} of them. */
  readonly workers: Map<string, number>;
  /** Items in all as a result said that knew it. */
  total: number | undefined;
  /** What cannot be: two results that contradict each other, or one that accounts for nothing. */
  fault: string | undefined;
}

/** Workers that are told apart; more of them than this share a job's last few per mille. */
const MAX_WORKERS = 500;
/** Workers that an outcome names. */
const NAMED = 5;

export function startReceipt(): ReceiptState {
  return {
    outputs: 0,
    attempts: 0,
    inputDigest: NO_DIGEST,
    outputDigest: NO_DIGEST,
    began: undefined,
    ended: 0,
    workers: new Map(),
    total: undefined,
    fault: undefined,
  };
}

/** Takes in a result that was counted. */
export function addToReceipt(receipt: ReceiptState, result: Result): void {
  receipt.fault ??= faultOfResult(receipt, result);
  receipt.total ??= result.spec.total;
  const { tally } = result;
  if (tally === undefined) return;
  receipt.outputs += tally.outputs;
  receipt.attempts += tally.attempts;
  receipt.inputDigest = addDigests(receipt.inputDigest, tally.inputDigest);
  receipt.outputDigest = addDigests(receipt.outputDigest, tally.outputDigest);
  receipt.began = Math.min(receipt.began ?? tally.began, tally.began);
  receipt.ended = Math.max(receipt.ended, tally.ended);
  noteWorker(receipt, result.worker, tally.slots);
}

function noteWorker({ workers }: ReceiptState, worker: string, slots: number): void {
  if (workers.size < MAX_WORKERS) workers.set(worker, slots);
}

function faultOfResult(receipt: ReceiptState, result: Result): string | undefined {
  const { from, count, tally, failures, failed = failures.length } = result;
  const { total } = result.spec;
  const last = from + count - 1;
  if (tally === undefined) return `the result of items ${from} to ${last} says nothing for it`;
  if (tally.outputs + failed !== count)
    return `of ${count} items from ${from}, ${tally.outputs} have outputs and ${failed} failed`;
  if (total !== undefined && receipt.total !== undefined && total !== receipt.total)
    return `one result says that there are ${receipt.total} items, another ${total}`;
  return undefined;
}

/** Why the receipt of a job that seems complete does not add up; undefined where it does. */
export function faultOf(
  receipt: ReceiptState,
  counts: { items: number; failed: number; total: number },
): string | undefined {
  if (receipt.fault !== undefined) return receipt.fault;
  const { items, failed, total } = counts;
  if (items !== total) return `${items} items were counted of ${total}`;
  if (receipt.outputs + failed !== items)
    return `of ${items} items, ${receipt.outputs} have outputs and ${failed} failed`;
  if (receipt.attempts < receipt.outputs)
    return `${receipt.outputs} outputs came of ${receipt.attempts} attempts`;
  return undefined;
}

/** What the outcome carries of it; undefined where no result was counted. */
export function receiptHead(receipt: ReceiptState): ReceiptHead | undefined {
  const { outputs, attempts, inputDigest, outputDigest, began, ended, workers } = receipt;
  if (began === undefined) return undefined;
  return {
    outputs,
    attempts,
    inputDigest: digestText(inputDigest),
    outputDigest: digestText(outputDigest),
    began,
    ended,
    workers: workers.size,
    slots: [...workers.values()].reduce((sum, slots) => sum + slots, 0),
    names: [...workers.keys()].slice(0, NAMED),
  };
}

// ── for checkpoints ────────────────────────────────────────────────────────────────────────────────────────────

/** A receipt as plain JSON. */
export type SavedReceipt = Omit<ReceiptState, "workers"> & { workers: [worker: string, slots: number][] };

export function saveReceipt(receipt: ReceiptState): SavedReceipt {
  return { ...receipt, workers: [...receipt.workers] };
}

/** Whether it is one as {@link saveReceipt} makes it. */
export function isSavedReceipt(value: unknown): value is SavedReceipt {
  const {
    outputs,
    attempts,
    ended,
    began = 0,
    total = 0,
    fault = "",
    ...rest
  } = (value ?? {}) as Partial<SavedReceipt>;
  const { inputDigest, outputDigest, workers } = rest;
  return (
    [outputs, attempts, ended, began, total].every((amount) => Number.isFinite(amount)) &&
    [inputDigest, outputDigest].every((digest) => isPair(digest) && digest.every(Number.isSafeInteger)) &&
    typeof fault === "string" &&
    Array.isArray(workers) &&
    workers.every((each) => isPair(each) && typeof each[0] === "string" && Number.isSafeInteger(each[1]))
  );
}

function isPair(value: unknown): value is readonly [unknown, unknown] {
  return Array.isArray(value) && value.length === 2;
}

export function restoreReceipt(saved: SavedReceipt): ReceiptState {
  return { ...saved, workers: new Map(saved.workers) };
}

// ── for readers ────────────────────────────────────────────────────────────────────────────────────────────────

/** A receipt as callers get it. Times are ISO 8601, durations milliseconds. */
export interface Receipt extends Partial<Measured> {
  job: string;
  kind: string;
  state: Outcome["state"];
  /** Items that were counted: those with outputs, and those that failed for good. */
  items: number;
  failed: number;
  tasks: number;
  /** Results that came again and were not counted. */
  duplicates: number;
  /** Of all tasks together. */
  handlerMs: number;
  submitted: string;
  finished: string;
}

/** What only whoever counted the results knows: missing where a job was cancelled, or ended before anything was run. */
interface Measured {
  /** Items whose outputs are in the result. */
  outputs: number;
  /** Tries at items; those beyond one an item are retries. */
  attempts: number;
  /** Of the items with outputs: whatever their order and chunks. */
  digests: { inputs: string; outputs: string };
  /** When a worker took the first task in hand, and when the last one was done, by the workers' clocks. */
  began: string;
  ended: string;
  elapsedMs: number;
  workers: { count: number; slots: number; names: readonly string[] };
  /** Handler time by elapsed time: how many slots' worth of work went on at once. */
  speedUp: number | null;
  /** The scaling law's ideal, ceil(N/P)·Ts, by the elapsed time. */
  efficiency: number | null;
}

/** The receipt of a job that is over. */
export function receiptOf({ job, kind, state, counts, times, receipt }: Outcome): Receipt {
  const { items, failed, tasks, duplicates, handlerMs } = counts;
  return {
    job,
    kind,
    state,
    items,
    failed,
    tasks,
    duplicates,
    handlerMs,
    submitted: iso(times.submitted),
    finished: iso(times.finished),
    ...(receipt === undefined ? {} : measured(receipt, { items, handlerMs })),
  };
}

function measured(head: ReceiptHead, { items, handlerMs }: { items: number; handlerMs: number }): Measured {
  const { outputs, attempts, inputDigest, outputDigest, began, ended, workers, slots, names } = head;
  const elapsedMs = Math.max(0, ended - began);
  return {
    outputs,
    attempts,
    digests: { inputs: inputDigest, outputs: outputDigest },
    began: iso(began),
    ended: iso(ended),
    elapsedMs,
    workers: { count: workers, slots, names },
    speedUp: ratio(handlerMs, elapsedMs),
    efficiency: ratio(idealMs({ items, slots, handlerMs }), elapsedMs),
  };
}

/** The scaling law for items of the mean duration. */
function idealMs({ items, slots, handlerMs }: { items: number; slots: number; handlerMs: number }): number {
  return items === 0 || slots === 0 ? 0 : Math.ceil(items / slots) * (handlerMs / items);
}

/** With three decimals; null where the time is too short to tell. */
function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : Math.round((part / whole) * 1000) / 1000;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
