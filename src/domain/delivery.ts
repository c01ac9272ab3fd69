/** What a worker does with a task that is delivered to it: a pure decision. */
import type { ItemRange, JobSpec } from "../protocol/spec.ts";

/** A single item whose workers died with it so often is not run again. */
export const MAX_DEATHS = 4;
/** A chunk whose workers died with it so often is cut into parts: one of them holds the poison. */
export const SPLIT_DEATHS = 2;
/** Parts that a chunk is cut into: more find the poison in fewer rounds, each of which costs workers. */
const PARTS = 16;

/**
 * A job's dispatcher ends it at its deadline, and removes its tasks. By the worker's own clock, which may be ahead, it is given so many
 * milliseconds more: a task that is dropped too early is missed, and released again.
 */
export const SKEW_MS = 30_000;

export type DeliveryStep =
  /** Run it. `mark`: note first that it is begun, so that a death with it can be counted. */
  | { type: "run"; mark: boolean }
  /** Settle it without running: its job is over. */
  | { type: "drop"; reason: "cancelled" | "expired" }
  /** Put its parts in its place: one of them holds the poison. */
  | { type: "split"; parts: readonly ItemRange[] }
  /** Its single item is poison: it fails for good. */
  | { type: "bury"; deaths: number };

export interface DeliveryView {
  spec: JobSpec;
  range: ItemRange;
  /** How often it was delivered, this time included. */
  deliveries: number;
  /** How many workers are known to have begun it and not to have ended it. */
  deaths: number;
  /** It is a part of a task that killed its workers. */
  suspect?: boolean;
  /** Its job was cancelled, as far as this worker has heard. */
  cancelled: boolean;
  now: number;
}

export function decideDelivery({
  spec,
  range,
  deliveries,
  deaths,
  suspect = false,
  cancelled,
  now,
}: DeliveryView): DeliveryStep {
  if (cancelled) return { type: "drop", reason: "cancelled" };
  if (spec.deadline !== undefined && now >= spec.deadline + SKEW_MS)
    return { type: "drop", reason: "expired" };
  if (range.count > 1 && deaths >= SPLIT_DEATHS) return { type: "split", parts: partsOf(range) };
  if (range.count === 1 && deaths >= MAX_DEATHS) return { type: "bury", deaths };
  return { type: "run", mark: deliveries > 1 || suspect };
}

function partsOf({ from, count }: ItemRange): ItemRange[] {
  const size = Math.ceil(count / PARTS);
  const starts = Array.from({ length: Math.ceil(count / size) }, (_, part) => part * size);
  return starts.map((start) => ({ from: from + start, count: Math.min(size, count - start) }));
}
