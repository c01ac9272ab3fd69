/** Time, as a part that can be exchanged: the only place where timers and the wall clock are touched. */

// The global of that name is a getter, which costs more than the clock itself.
import { performance } from "node:perf_hooks";

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds, with fractions, on a scale that only grows: for how long something took. */
  monotonic(): number;
  /** Calls `run` once after `ms`; the timer does not keep the process alive. */
  after(ms: number, run: () => void): Timer;
  /** Calls `run` every `ms` until cancelled; does not keep the process alive. */
  every(ms: number, run: () => void): Timer;
  /** Resolves after what else waits for this event loop had its turn. */
  giveWay(): Promise<void>;
}

/** The longest that a timer of Node takes; a longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    let timer: NodeJS.Timeout;
    const arm = (left: number) => {
      const isLong = left > LONGEST_MS;
      timer = setTimeout(() => (isLong ? arm(left - LONGEST_MS) : run()), Math.min(left, LONGEST_MS));
      timer.unref();
    };
    arm(ms);
    return { cancel: () => clearTimeout(timer) };
  },
  every(ms, run) {
    const timer = setInterval(run, ms);
    timer.unref();
    return { cancel: () => clearInterval(timer) };
  },
  giveWay: () => new Promise((resolve) => setImmediate(resolve)),
};

/**
 * Resolves after `ms`.
 * @throws the signal's reason when it aborts first
 */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
