/** The passes of an executor: so many at once, the others queued, all of them ended when it closes. */
import type { PassResult } from "../../domain/pass.ts";
import { type MaybePromise, thenFinally, whenThere } from "../../runtime/maybe.ts";
import { type AbortLink, followSignal } from "./abort-link.ts";
import { nothingRun, type PassRequest } from "./pass.ts";
import { Slots } from "./slots.ts";

/** Controllers that are kept, in use or not, for the next pass under the same signal: as many as a worker keeps signals. */
const MOST_KEPT = 512;

/** Runs one pass that has a slot. */
export type RunPass = (request: PassRequest, signal: AbortSignal) => MaybePromise<PassResult>;

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
  readonly #whenIdle: (() => void)[] = [];
  #passes = 0;
  #closed = false;

  constructor(slots: number, runPass: RunPass) {
    this.#gate = new Slots(slots);
    this.#runPass = runPass;
  }

  /** Runs a pass as soon as a slot is free; after `close` it comes back as not run. */
  run(request: PassRequest, outer: AbortSignal): MaybePromise<PassResult> {
    if (this.#closed) return nothingRun(request);
    const group = this.#enter(outer);
    const { signal } = group.link.controller;
    return thenFinally(
      () => this.#runInSlot(request, signal),
      () => this.#leave(group),
    );
  }

  #runInSlot(request: PassRequest, signal: AbortSignal): MaybePromise<PassResult> {
    const run = (taken: boolean) =>
      taken
        ? thenFinally(
            () => this.#runPass(request, signal),
            () => this.#gate.give(),
          )
        : nothingRun(request);
    return whenThere(this.#gate.take(signal), run);
  }

  /** Aborts what runs and what waits; resolves when nothing of it is left. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { link } of this.#groups.values()) link.controller.abort(new Error("The worker is closing."));
    while (this.#passes > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #enter(signal: AbortSignal): Group {
    const group = this.#groups.get(signal) ?? this.#begin(signal);
    group.passes++;
    this.#passes++;
    return group;
  }

  #begin(signal: AbortSignal): Group {
    const group = { link: followSignal(signal), passes: 0 };
    this.#groups.set(signal, group);
    return group;
  }

  #leave(group: Group): void {
    group.passes--;
    this.#passes--;
    if (this.#passes === 0 && this.#whenIdle.length > 0)
      for (const resolve of this.#whenIdle.splice(0)) resolve();
    if (this.#groups.size > MOST_KEPT) this.#forgetOldest();
  }

  /** Of those that are idle. */
  #forgetOldest(): void {
    for (const [signal, { link, passes }] of this.#groups) {
      if (passes > 0) continue;
      this.#groups.delete(signal);
      return link.release();
    }
  }
}
