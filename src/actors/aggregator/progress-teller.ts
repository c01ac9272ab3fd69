/** Tells how far the jobs of a partition are: those that changed lately, together in one message. */
import { encodeProgress, type ProgressLine } from "../../protocol/progress.ts";
import type { Timer } from "../../runtime/clock.ts";
import type { ActorContext } from "../context.ts";
import type { LiveJob } from "./live-job.ts";

/** It is told at most so often, in milliseconds; credit must not wait, but a message a result would be waste. */
const PROGRESS_MS = 4;

export class ProgressTeller {
  readonly #context: ActorContext;
  readonly #changed = new Set<LiveJob>();
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(context: ActorContext) {
    this.#context = context;
  }

  /** The job is to be told of soon. */
  note(live: LiveJob): void {
    if (this.#isStopped) return;
    this.#changed.add(live);
    this.#timer ??= this.#context.clock.after(PROGRESS_MS, () => {
      this.#timer = undefined;
      this.#tell();
    });
  }

  /** The job is over: whoever ended it told so. */
  forget(live: LiveJob): void {
    this.#changed.delete(live);
  }

  /** Tells nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #tell(): void {
    const lines = [...this.#changed].filter(({ ending }) => !ending).map(lineOf);
    this.#changed.clear();
    if (lines.length === 0) return;
    const { broker, names } = this.#context;
    broker.publish({ subject: names.control("progress"), data: encodeProgress(lines) });
  }
}

function lineOf({ state }: LiveJob): ProgressLine {
  const { spec, tasks, handlerMs, bytes, failed, coverage } = state;
  return { job: spec.job, tasks, items: coverage.count, handlerMs, bytes, failed, state: undefined };
}
