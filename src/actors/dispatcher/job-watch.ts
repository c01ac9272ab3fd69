/** Waiting for the end of one job: for news of it, for its deadline, and for neither where nothing is heard. */
import type { ProgressLine } from "../../protocol/progress.ts";
import type { Timer } from "../../runtime/clock.ts";
import type { ActorContext } from "../context.ts";
import type { RunEnd } from "./run-end.ts";

/** How long without news until the truth is looked up, in milliseconds. */
const CHECK_MS = 2_000;

/** What is asked of the job's run. */
export interface WatchGround {
  context: ActorContext;
  /** Hears of the job's progress until the returned function is called. */
  onProgress(listener: (line: ProgressLine) => void): () => void;
  /** The job goes on, or is over. */
  onLine(line: ProgressLine): void;
  /** Every {@link CHECK_MS}. */
  onCheck(): void;
  /** Looks up whether the job is over; where nothing was heard of it for a while. */
  onSilence(): Promise<void>;
  /** The deadline has passed. */
  onDeadline(): Promise<RunEnd>;
  /** Names the job in reports. */
  job: string;
  /** Aborts when the dispatcher stops. */
  signal: AbortSignal;
}

export class JobWatch {
  readonly #ground: WatchGround;
  #lastNews = 0;
  #settle: ((end: RunEnd) => void) | undefined;
  #fail: ((error: unknown) => void) | undefined;

  constructor(ground: WatchGround) {
    this.#ground = ground;
  }

  /**
   * Resolves with what {@link settle} is told, at the deadline, or when the dispatcher stops; rejects with what
   * {@link fail} is told. May be called again after that.
   */
  untilEnded(deadline: number | undefined): Promise<RunEnd> {
    const { context, signal, onProgress } = this.#ground;
    const timers = [context.clock.every(CHECK_MS, () => this.#check())];
    const off = onProgress((line) => this.#onLine(line));
    const onStop = () => this.settle({ type: "stopped" });
    signal.addEventListener("abort", onStop, { once: true });
    this.#lastNews = context.clock.now();
    if (deadline !== undefined) timers.push(this.#armDeadline(deadline));
    const ended = new Promise<RunEnd>((resolve, reject) => {
      this.#settle = resolve;
      this.#fail = reject;
    });
    if (signal.aborted) onStop();
    const watched = ended.finally(() => {
      off();
      signal.removeEventListener("abort", onStop);
      for (const timer of timers) timer.cancel();
      this.#settle = undefined;
      this.#fail = undefined;
    });
    watched.catch(() => {}); // It may fail while tasks are still being stored, before anyone awaits it.
    return watched;
  }

  /** Ends the wait, where there is one. */
  settle(end: RunEnd): void {
    this.#settle?.(end);
  }

  /** Ends the wait with an error, where there is one. */
  fail(error: unknown): void {
    this.#fail?.(error);
  }

  /** Asks the aggregator to tell how far the job is. */
  query(): void {
    const { context, job } = this.#ground;
    const { broker, names } = context;
    broker.publish({ subject: names.control("query"), data: JSON.stringify({ job }) });
  }

  #onLine(line: ProgressLine): void {
    this.#lastNews = this.#ground.context.clock.now();
    this.#ground.onLine(line);
  }

  #check(): void {
    const { context, job, onCheck, onSilence } = this.#ground;
    if (context.clock.now() - this.#lastNews >= CHECK_MS) {
      this.query();
      onSilence().catch((error) =>
        context.events.emit("broker.trouble", { what: job, reason: String(error) }),
      );
    }
    onCheck();
  }

  #armDeadline(deadline: number): Timer {
    const { clock } = this.#ground.context;
    return clock.after(Math.max(0, deadline - clock.now()), () => {
      this.#ground.onDeadline().then(
        (end) => this.settle(end),
        (error) => this.fail(error),
      );
    });
  }
}
