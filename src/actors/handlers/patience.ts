/** Waits for what asynchronous handlers promise, one at a time, but not for ever. */
import { HandlerTimedOut } from "../../errors.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import { listen, unlisten } from "./abort-fan.ts";

/** Thrown where a pass was aborted and its handler did not settle in time: the item counts as not run. */
export class Abandoned extends Error {}

/** How long to wait. */
export interface PatienceOptions {
  /** Milliseconds an item may take; 0 means no limit. */
  timeout: number;
  /** Milliseconds to go on waiting after an abort; undefined means for ever (a thread is ended from outside). */
  abandonAfter: number | undefined;
  signal: AbortSignal;
  clock: Clock;
  /** Called at an abort, before anything is given up. */
  onAbort(): void;
}

/** A limit on each wait of a pass, and on all of them after an abort. */
export class Patience {
  readonly #options: PatienceOptions;
  #giveUp: ((reason: Error) => void) | undefined;
  #timer: Timer | undefined;

  constructor(options: PatienceOptions) {
    this.#options = options;
    if (options.signal.aborted) this.#onAbort();
    else listen(options.signal, this.#onAbort);
  }

  /**
   * The promised value.
   * @throws HandlerTimedOut, Abandoned, or what the promise rejects with
   */
  wait(promised: PromiseLike<unknown>): PromiseLike<unknown> {
    const { timeout, abandonAfter, clock } = this.#options;
    if (timeout === 0 && abandonAfter === undefined) return promised;
    return new Promise((resolve, reject) => {
      const timer =
        timeout > 0 ? clock.after(timeout, () => reject(new HandlerTimedOut(timeout))) : undefined;
      this.#giveUp = reject;
      const settled =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          timer?.cancel();
          settle(value);
        };
      // What a foreign thenable resolves with may be another one, which never settles: it is waited for like the first.
      Promise.resolve(promised).then(settled(resolve), settled(reject));
    });
  }

  /** Ends the waits. */
  close(): void {
    this.#timer?.cancel();
    unlisten(this.#options.signal, this.#onAbort);
  }

  readonly #onAbort = (): void => {
    const { abandonAfter, clock, onAbort } = this.#options;
    onAbort();
    if (abandonAfter === undefined) return;
    this.#timer = clock.after(abandonAfter, () => this.#giveUp?.(new Abandoned()));
  };
}
