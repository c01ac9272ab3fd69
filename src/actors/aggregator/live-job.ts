/** A job that a partition gathers, and how much of it outlives this process. */
import { Coverage } from "../../domain/coverage.ts";
import type { GatherState } from "../../domain/gather.ts";
import type { Reducer } from "../../domain/reducers/index.ts";
import { MOST_MISSING, type Standing, type StandingQuestion } from "../../protocol/standing.ts";

export interface LiveJob {
  readonly state: GatherState;
  readonly reducer: Reducer;
  /** Results since its last checkpoint. */
  dirty: boolean;
  /** Sequence of its checkpoint message, which the next one expects; 0: it has none. */
  revision: number;
  /** All its results up to this sequence are in its checkpoint; 0: it has none. */
  checkpointed: number;
  /** When its next checkpoint may be written, on the clock's monotonic scale. */
  nextCheckpoint: number;
  /** The last result it saw, in milliseconds since 1970. */
  lastArrival: number;
  /** Its checkpoint is being written. */
  writing: Promise<void> | undefined;
  /** Its outcome is being written. */
  ending: boolean;
}

export function liveJob(state: GatherState, reducer: Reducer, now: number): LiveJob {
  return {
    state,
    reducer,
    dirty: true,
    revision: 0,
    checkpointed: 0,
    nextCheckpoint: 0,
    lastArrival: now,
    writing: undefined,
    ending: false,
  };
}

/**
 * The first sequence of the results stream that this job still needs: an ordered result is read back from the stream,
 * the others replay what came after their checkpoint.
 */
export function neededFrom({ state, reducer, checkpointed }: LiveJob): number {
  if (reducer.ordered || checkpointed === 0) return state.firstSeq;
  return checkpointed + 1;
}

/** What those are told who miss items; of a job without results, all of them are missing. */
export function standingOf(
  live: LiveJob | undefined,
  { job, released, from = 0 }: StandingQuestion,
  upTo: number,
): Standing {
  const coverage = live?.state.coverage ?? new Coverage();
  const missing = coverage
    .holes(released)
    .filter(([, end]) => end > from)
    .slice(0, MOST_MISSING)
    .map(([start, end]) => ({ from: Math.max(start, from), count: end - Math.max(start, from) }));
  return { job, upTo, tasks: live?.state.tasks ?? 0, items: coverage.count, missing };
}
