/**
 * How the tasks of a job are told to end: the same controllers for all of them, and for a later job where nothing was aborted, since a
 * controller, and all that follows its signal, costs microseconds.
 */

import { setMaxListeners } from "node:events";

export class JobStop {
  /** Aborts what runs. */
  readonly work = new AbortController();
  /** Aborts waits between attempts. */
  readonly patience = new AbortController();
  tasks = 0;

  constructor() {
    // All tasks of the job listen, and each of their failed items while its dead letter is stored.
    setMaxListeners(0, this.work.signal, this.patience.signal);
  }

  get isAborted(): boolean {
    return this.work.signal.aborted || this.patience.signal.aborted;
  }
}

/** Stops that are kept for jobs to come: as many as a worker may hold tasks of one kind, each perhaps of another job. */
const MOST_KEPT = 512;

/** The stops of the jobs whose tasks a worker holds. */
export class JobStops {
  readonly #stops = new Map<string, JobStop>();
  readonly #unused: JobStop[] = [];

  /** To be called for each task, and {@link leave} when it is done with. */
  enter(job: string): JobStop {
    const stop = this.#stops.get(job) ?? this.#begin(job);
    stop.tasks++;
    return stop;
  }

  #begin(job: string): JobStop {
    const stop = this.#unused.pop() ?? new JobStop();
    this.#stops.set(job, stop);
    return stop;
  }

  leave(job: string): void {
    const stop = this.#stops.get(job);
    if (stop === undefined || --stop.tasks > 0) return;
    this.#stops.delete(job);
    if (!stop.isAborted && this.#unused.length < MOST_KEPT) this.#unused.push(stop);
  }
}
