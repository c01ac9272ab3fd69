/** Runs passes on this event loop: for handlers that wait rather than compute. */
import type { PassResult } from "../../domain/pass.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { MaybePromise } from "../../runtime/maybe.ts";
import { guardExit, guarded } from "./exit-guard.ts";
import type { HandlerLogEntry } from "./handler.ts";
import type { HandlerSet } from "./handler-set.ts";
import type { Executor, PassRequest } from "./pass.ts";
import { BUILT_IN } from "./registry.ts";
import { type PassHooks, runPass } from "./run-pass.ts";
import { Runs } from "./runs.ts";

/** Milliseconds to wait for a handler that goes on after its pass was aborted. */
export const ABORT_GRACE = 500;

/** Milliseconds of handlers that never wait before others on this event loop get their turn. */
const TURN = 10;

/** How to run inline. */
export interface InlineOptions {
  handlers: HandlerSet;
  /** Passes at once. */
  slots: number;
  /** Shown to handlers, and in their log entries. */
  worker: string;
  onLog?: (entry: HandlerLogEntry) => void;
  /** Milliseconds to wait for a handler after an abort. @default 500 */
  abortGrace?: number;
  clock?: Clock;
}

/** Runs passes on this event loop. */
export class InlineExecutor implements Executor {
  readonly slots: number;
  readonly #options: InlineOptions;
  readonly #runs: Runs;
  readonly #releaseExit: () => void;

  constructor(options: InlineOptions) {
    this.#options = options;
    this.slots = options.slots;
    this.#runs = new Runs(options.slots, (request, signal) => this.#runPass(request, signal));
    this.#releaseExit = guardExit();
  }

  /** @throws UnknownKind, UnknownReducer */
  run(request: PassRequest, signal: AbortSignal): MaybePromise<PassResult> {
    return this.#runs.run(request, signal);
  }

  async close(): Promise<void> {
    await this.#runs.close();
    this.#releaseExit();
  }

  #runPass(request: PassRequest, signal: AbortSignal): MaybePromise<PassResult> {
    const { handlers } = this.#options;
    const run = () => runPass(request, handlers, new InlineHooks(this.#options, signal));
    // The guard makes every await of the process dearer; our own handlers do not need it.
    return handlers.need(request.kind).source === BUILT_IN ? run() : guarded(run);
  }
}

/** Ties a pass to this event loop. */
class InlineHooks implements PassHooks {
  readonly worker: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly abandonAfter: number;
  readonly log: PassHooks["log"];
  #since: number;

  constructor(
    { worker, onLog = () => {}, clock = systemClock, abortGrace = ABORT_GRACE }: InlineOptions,
    signal: AbortSignal,
  ) {
    this.worker = worker;
    this.clock = clock;
    this.signal = signal;
    this.abandonAfter = abortGrace;
    this.log = onLog;
    this.#since = clock.monotonic();
  }

  stopped(): boolean {
    return this.signal.aborted;
  }

  began(): void {}

  ended(): void {}

  /** Gives way to the event loop when it was held for a turn. */
  pause(): Promise<void> | undefined {
    if (this.clock.monotonic() - this.#since < TURN) return undefined;
    return this.clock.giveWay().then(() => {
      this.#since = this.clock.monotonic();
    });
  }
}
