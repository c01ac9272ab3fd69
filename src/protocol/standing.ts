/** What an aggregator answers when a dispatcher or a worker asks which of a job's items it has not seen. */
import type { ItemRange } from "./spec.ts";

export interface StandingQuestion {
  job: string;
  /** So many items were released: those behind them cannot be missing. */
  released: number;
  /** Items before this one are not asked for. @default 0 */
  from?: number;
}

export interface Standing {
  readonly job: string;
  /** Results up to this sequence were read. */
  readonly upTo: number;
  /** Tasks and items that were counted. */
  readonly tasks: number;
  readonly items: number;
  /** Released items that were not counted, the first few runs of them. */
  readonly missing: readonly ItemRange[];
}

/** Runs of missing items that one answer names at most. */
export const MOST_MISSING = 1_000;

/** The question, where it is one: the subject is open to whoever may publish there. */
export function decodeQuestion(value: Partial<StandingQuestion> | undefined): StandingQuestion | undefined {
  const { job, released, from = 0 } = value ?? {};
  return typeof job === "string" && isCount(released) && isCount(from) ? { job, released, from } : undefined;
}

/** The answer, where it is one. */
export function decodeStanding(value: Partial<Standing> | undefined): Standing | undefined {
  const { job, upTo, tasks, items, missing } = value ?? {};
  if (
    typeof job !== "string" ||
    !isCount(upTo) ||
    !isCount(tasks) ||
    !isCount(items) ||
    !Array.isArray(missing)
  )
    return undefined;
  const areRanges = missing.every((range) => isCount(range?.from) && isCount(range.count) && range.count > 0);
  return areRanges ? { job, upTo, tasks, items, missing } : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
