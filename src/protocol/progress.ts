/** What an aggregator tells of its jobs on `muster.control.progress`: many jobs in one message, in absolute numbers. */
import { OUTCOME_STATES, type OutcomeState } from "./outcome.ts";

/** How far one job is, in absolute numbers. */
export interface ProgressLine {
  readonly job: string;
  /** Chunks whose results were counted. */
  readonly tasks: number;
  /** Items that are settled. */
  readonly items: number;
  /** Handler time so far, in milliseconds. */
  readonly handlerMs: number;
  /** Bytes of the results that were counted. */
  readonly bytes: number;
  /** Items that failed for good. */
  readonly failed: number;
  /** Set once the outcome stands. */
  readonly state: OutcomeState | undefined;
}

/** One array a job, without field names: thousands of jobs may end in a second. */
type WireLine = [string, number, number, number, number, number, OutcomeState | 0];

export function encodeProgress(lines: readonly ProgressLine[]): string {
  const wire: WireLine[] = lines.map((line) => [
    line.job,
    line.tasks,
    line.items,
    Math.round(line.handlerMs * 1000) / 1000,
    line.bytes,
    line.failed,
    line.state ?? 0,
  ]);
  return JSON.stringify({ jobs: wire });
}

/** Lines that are not what they should be are left out: the subject is open to whoever may publish there. */
export function decodeProgress(text: string): ProgressLine[] {
  try {
    const { jobs } = JSON.parse(text) as { jobs?: unknown };
    return Array.isArray(jobs) ? jobs.map(lineOf).filter((line) => line !== undefined) : [];
  } catch {
    return [];
  }
}

function lineOf(wire: unknown): ProgressLine | undefined {
  if (!Array.isArray(wire)) return undefined;
  const [job, tasks, items, handlerMs, bytes, failed, state] = wire as WireLine;
  const numbers = [tasks, items, handlerMs, bytes, failed];
  if (typeof job !== "string" || !numbers.every((value) => Number.isFinite(value) && value >= 0))
    return undefined;
  return {
    job,
    tasks,
    items,
    handlerMs,
    bytes,
    failed,
    state: OUTCOME_STATES.find((known) => known === state),
  };
}
