/** Exit codes of the command line; they are part of its contract. */
import { MusterError } from "../errors.ts";
import type { OutcomeState } from "../protocol/outcome.ts";

export const EXIT = {
  done: 0,
  /** The job failed; its result was partly or wholly not to be had. */
  failed: 1,
  /** Wrong usage: an option, a body, a handler module. */
  usage: 2,
  /** No broker could be reached, or it is not fit. */
  unreachable: 3,
  /** Waited long enough; the job still runs. */
  timedOut: 4,
  cancelled: 5,
  denied: 6,
} as const;

const BY_CODE: Readonly<Record<string, number>> = {
  wait_timed_out: EXIT.timedOut,
  job_not_finished: EXIT.timedOut,
  job_expired: EXIT.failed,
  job_cancelled: EXIT.cancelled,
  permission_denied: EXIT.denied,
  no_fleet: EXIT.unreachable,
  broker_unreachable: EXIT.unreachable,
  broker_too_old: EXIT.unreachable,
  broker_not_found: EXIT.unreachable,
  jetstream_unavailable: EXIT.unreachable,
  request_failed: EXIT.unreachable,
};

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof MusterError)) return EXIT.failed;
  return BY_CODE[error.code] ?? (error.status >= 400 && error.status < 500 ? EXIT.usage : EXIT.failed);
}

export function exitCodeOfState(state: OutcomeState): number {
  if (state === "succeeded") return EXIT.done;
  return state === "cancelled" ? EXIT.cancelled : EXIT.failed;
}
