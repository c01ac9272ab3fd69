/**
 * The one contract of everything that starts and stops.
 *
 * `start()` may be called again: it returns the same promise. `stop()` may be called twice, or before `start()`, or
 * while it starts: it ends only when nothing of the service runs. `abort()` makes a running stop stop waiting for work.
 */

import { setMaxListeners } from "node:events";

type Phase = "new" | "starting" | "running" | "stopping" | "stopped";

export abstract class Service {
  #phase: Phase = "new";
  #started: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  readonly #fetch = new AbortController();
  readonly #work = new AbortController();

  constructor() {
    // Every job and task that runs listens: many listeners are no leak here.
    setMaxListeners(0, this.#fetch.signal, this.#work.signal);
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Aborts when nothing new may be taken. */
  protected get fetchSignal(): AbortSignal {
    return this.#fetch.signal;
  }

  /** Aborts when running work must end too. */
  protected get workSignal(): AbortSignal {
    return this.#work.signal;
  }

  start(): Promise<void> {
    if (this.#stopped !== undefined) return Promise.reject(new Error("the service was stopped"));
    this.#started ??= this.#start();
    return this.#started;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Ends running work at once: what it had begun is left to others. */
  abort(): Promise<void> {
    this.#work.abort(new Error("aborted by the operator"));
    return this.stop();
  }

  protected abstract onStart(): Promise<void>;
  protected abstract onStop(): Promise<void>;

  async #start(): Promise<void> {
    this.#phase = "starting";
    await this.onStart();
    if (this.#phase === "starting") this.#phase = "running";
  }

  async #stop(): Promise<void> {
    const begun = this.#started;
    this.#phase = "stopping";
    this.#fetch.abort(new Error("stopping"));
    if (begun !== undefined) {
      await begun.catch(() => {}); // Its caller has the error; what it acquired is still to be released.
    }
    try {
      if (begun !== undefined) await this.onStop();
    } finally {
      this.#work.abort(new Error("stopped"));
      this.#phase = "stopped";
    }
  }
}
