/** What a worker does with a task that is delivered to it: a pure decision. */
import type { ItemRange, JobSpec } from "../protocol/spec.ts";

/** A task whose workers died with it so often is not run again as it is. */
export const MAX_DEATHS = 4;

export type DeliveryStep =
  /** Run it. `mark`: note first that it is begun, so that a death with it can be counted. */
  | { type: "run"; mark: boolean }
  /** Settle it without running: its job is over. */
  | { type: "drop"; reason: "cancelled" | "expired" }
  /** Put two halves in its place: one of them holds the poison. */
  | { type: "split"; halves: readonly [ItemRange, ItemRange] }
  /** Its single item is poison: it fails for good. */
  | { type: "bury"; deaths: number };

export interface DeliveryView {
  spec: JobSpec;
  range: ItemRange;
  /** How often it was delivered, this time included. */
  deliveries: number;
  /** How many workers are known to have begun it and not to have ended it. */
  deaths: number;
  /** Its job was cancelled, as far as this worker has heard. */
  cancelled: boolean;
  now: number;
}

export function decideDelivery({
  spec,
  range,
  deliveries,
  deaths,
  cancelled,
  now,
}: DeliveryView): DeliveryStep {
  if (cancelled) return { type: "drop", reason: "cancelled" };
  if (spec.deadline !== undefined && now >= spec.deadline) return { type: "drop", reason: "expired" };
  if (deaths < MAX_DEATHS) return { type: "run", mark: deliveries > 1 };
  return range.count === 1 ? { type: "bury", deaths } : { type: "split", halves: halvesOf(range) };
}

function halvesOf({ from, count }: ItemRange): [ItemRange, ItemRange] {
  const left = Math.floor(count / 2);
  return [
    { from, count: left },
    { from: from + left, count: count - left },
  ];
}
