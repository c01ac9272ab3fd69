/** The slots of a worker: so many passes run at once, the others wait by rank. */
import { type MaybePromise, thenFinally } from "../../runtime/maybe.ts";

/** Passes of tasks that are begun come first, then tasks by priority. */
export const RANKS = ["begun", "high", "normal", "low"] as const;
export type Rank = (typeof RANKS)[number];

interface Waiting {
  begin(): void;
  cancel(): void;
}

export class SlotQueue {
  readonly slots: number;
  readonly #waiting: Record<Rank, Waiting[]> = { begun: [], high: [], normal: [], low: [] };
  #busy = 0;

  constructor(slots: number) {
    this.slots = slots;
  }

  get busy(): number {
    return this.#busy;
  }

  /** Runs `work` when a slot is free; comes to undefined, without running it, when the queue was emptied first. */
  run<T>(rank: Rank, work: () => MaybePromise<T>): MaybePromise<T | undefined> {
    if (this.#busy === this.slots)
      return this.#wait(rank).then((entered) => (entered ? this.#inSlot(work) : undefined));
    this.#busy++;
    return this.#inSlot(work);
  }

  #inSlot<T>(work: () => MaybePromise<T>): MaybePromise<T> {
    return thenFinally(work, () => this.#release());
  }

  /** Turns away all that wait. */
  empty(): void {
    for (const rank of RANKS) {
      for (const waiting of this.#waiting[rank].splice(0)) waiting.cancel();
    }
  }

  /** Resolves to true with a slot, or to false when the queue is emptied first. */
  #wait(rank: Rank): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiting[rank].push({ begin: () => resolve(true), cancel: () => resolve(false) });
    });
  }

  /** Hands the slot to the next in line, or frees it. */
  #release(): void {
    for (const rank of RANKS) {
      const next = this.#waiting[rank].shift();
      if (next !== undefined) return next.begin();
    }
    this.#busy--;
  }
}
