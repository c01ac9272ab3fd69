/** Signals that ask a process to stop: the first drains, a second aborts. */
import { constants } from "node:os";
import { systemClock } from "../runtime/clock.ts";

const STOPPING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type StopSignal = (typeof STOPPING)[number];

/**
 * A repetition within so many ms is the same wish: `npm` forwards the Ctrl+C that the terminal has sent already, and nobody's
 * second thought comes as fast.
 */
const ECHO_MS = 200;

export interface StopWishes {
  /** The first signal: end in good order. */
  stop(signal: StopSignal): void;
  /** Every further one: end now. */
  abort(signal: StopSignal): void;
}

/** Hears the signals until the returned function is called; then they kill the process again, as they do by default. */
export function onStopSignals({ stop, abort }: StopWishes): () => void {
  let last: number | undefined;
  const hear = (signal: StopSignal) => {
    const now = systemClock.now();
    if (last === undefined) stop(signal);
    else if (now - last >= ECHO_MS) abort(signal);
    last = now;
  };
  for (const signal of STOPPING) process.on(signal, hear);
  return () => {
    for (const signal of STOPPING) process.off(signal, hear);
  };
}

/** What a shell shows for a process that a signal ended: 130 for SIGINT, 143 for SIGTERM. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
