/** The passes of an executor: so many at once, the others queued, all of them ended when it closes. */
import type { PassResult } from "../../domain/pass.ts";
import { type AbortLink, followSignal } from "./abort-link.ts";
import { nothingRun, type PassRequest } from "./pass.ts";
import { Slots } from "./slots.ts";

/** Controllers that are kept, in use or not: a worker of one slot runs a job's passes one after the other. */
const MOST_KEPT = 64;

/** Runs one pass that has a slot. */
export type RunPass = (request: PassRequest, signal: AbortSignal) => Promise<PassResult>;

/** What runs under one signal from outside: usually all passes of a job. */
interface Group {
  readonly link: AbortLink;
  passes: number;
}

/** Keeps count of an executor's passes. */
export class Runs {
  readonly #gate: Slots;
  readonly #runPass: RunPass;
  /** A controller costs microseconds, and the passes of a job share their signal: so they share the controller. */
  readonly #groups = new Map<AbortSignal, Group>();
  readonly #running = new Set<Promise<PassResult>>();
  #closed = false;

  constructor(slots: number, runPass: RunPass) {
    this.#gate = new Slots(slots);
    this.#runPass = runPass;
  }

  /** Runs a pass as soon as a slot is free; after `close` it comes back as not run. */
  async run(request: PassRequest, signal: AbortSignal): Promise<PassResult> {
    if (this.#closed) return nothingRun(request);
    const group = this.#enter(signal);
    const running = this.#inSlot(request, group.link.controller.signal);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
      this.#leave(signal, group);
    }
  }

  /** Aborts what runs and what waits; resolves when nothing of it is left. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { link } of this.#groups.values()) link.controller.abort(new Error("The worker is closing."));
    await Promise.allSettled(this.#running);
  }

  #enter(signal: AbortSignal): Group {
    const group = this.#groups.get(signal) ?? { link: followSignal(signal), passes: 0 };
    this.#groups.set(signal, group);
    group.passes++;
    return group;
  }

  #leave(signal: AbortSignal, group: Group): void {
    if (--group.passes > 0) return;
    // The newest idle one stands last.
    this.#groups.delete(signal);
    this.#groups.set(signal, group);
    if (this.#groups.size > MOST_KEPT) this.#forgetOldest();
  }

  #forgetOldest(): void {
    for (const [signal, { link, passes }] of this.#groups) {
      if (passes > 0) continue;
      this.#groups.delete(signal);
      return link.release();
    }
  }

  async #inSlot(request: PassRequest, signal: AbortSignal): Promise<PassResult> {
    if (!(await this.#gate.take(signal))) return nothingRun(request);
    try {
      return await this.#runPass(request, signal);
    } finally {
      this.#gate.give();
    }
  }
}
