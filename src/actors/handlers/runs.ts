/** The passes of an executor: so many at once, the others queued, all of them ended when it closes. */
import type { PassResult } from "../../domain/pass.ts";
import { followSignal } from "./abort-link.ts";
import { nothingRun, type PassRequest } from "./pass.ts";
import { Slots } from "./slots.ts";

/** Runs one pass that has a slot. */
export type RunPass = (request: PassRequest, signal: AbortSignal) => Promise<PassResult>;

/** Keeps count of an executor's passes. */
export class Runs {
  readonly #gate: Slots;
  readonly #runPass: RunPass;
  readonly #running = new Map<AbortController, Promise<PassResult>>();
  #closed = false;

  constructor(slots: number, runPass: RunPass) {
    this.#gate = new Slots(slots);
    this.#runPass = runPass;
  }

  /** Runs a pass as soon as a slot is free; after `close` it comes back as not run. */
  async run(request: PassRequest, signal: AbortSignal): Promise<PassResult> {
    if (this.#closed) return nothingRun(request);
    const { controller, release } = followSignal(signal);
    const running = this.#inSlot(request, controller.signal);
    this.#running.set(controller, running);
    try {
      return await running;
    } finally {
      this.#running.delete(controller);
      release();
    }
  }

  /** Aborts what runs and what waits; resolves when nothing of it is left. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const controller of this.#running.keys()) controller.abort(new Error("The worker is closing."));
    await Promise.allSettled(this.#running.values());
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
