/** How the tasks of a job are told to end: the same controllers for all of them, since a controller costs microseconds. */

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
}

/** The stops of the jobs whose tasks a worker holds. */
export class JobStops {
  readonly #stops = new Map<string, JobStop>();

  /** To be called for each task, and {@link leave} when it is done with. */
  enter(job: string): JobStop {
    const stop = this.#stops.get(job) ?? this.#begin(job);
    stop.tasks++;
    return stop;
  }

  #begin(job: string): JobStop {
    const stop = new JobStop();
    this.#stops.set(job, stop);
    return stop;
  }

  leave(job: string): void {
    const stop = this.#stops.get(job);
    if (stop !== undefined && --stop.tasks === 0) this.#stops.delete(job);
  }
}
