/** Several reasons to abort one thing, without leaving listeners on signals that outlive it. */

import { setMaxListeners } from "node:events";

/** A controller that also aborts with `signal`, until it is released. */
export interface AbortLink {
  readonly controller: AbortController;
  release(): void;
}

/** Makes a controller that follows `signal` (`AbortSignal.any` would leave traces on a long-lived signal). */
export function followSignal(signal: AbortSignal): AbortLink {
  const controller = new AbortController();
  // One signal may stand for a job with any number of passes: Node would warn from the eleventh on.
  setMaxListeners(0, signal, controller.signal);
  const follow = () => controller.abort(signal.reason);
  if (signal.aborted) follow();
  else signal.addEventListener("abort", follow, { once: true });
  return { controller, release: () => signal.removeEventListener("abort", follow) };
}
