/** Waiting times between attempts. */

export interface Backoff {
  /** Upper bound of the first wait, in milliseconds. */
  base: number;
  /** No wait is longer, in milliseconds. */
  max: number;
}

/** Exponential with full jitter: a random share of `base · 2^(attempt − 1)`, at most `max`. */
export function backoffMs(backoff: Backoff, attempt: number, random: () => number): number {
  const ceiling = Math.min(backoff.max, backoff.base * 2 ** (attempt - 1));
  return Math.ceil(random() * ceiling);
}
