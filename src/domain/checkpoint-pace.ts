/**
 * How often a job's state is checkpointed. All of it is written each time, so a state that grows must be written less often,
 * else writing would be all that its aggregator does.
 */

/** How much of the time may go into writing the checkpoints of a job. */
const SHARE = 0.1;
/**
 * Milliseconds from one checkpoint to the next at most, whatever they cost: a takeover replays no more than the results
 * of so long.
 */
export const MAX_PAUSE_MS = 30_000;

/** Milliseconds to wait after a checkpoint that took so many to encode and write. */
export function pauseAfter(tookMs: number): number {
  return Math.min(MAX_PAUSE_MS, tookMs * (1 / SHARE - 1));
}
