/** The slots of a worker: so many passes run at once, the others wait by rank. */

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

  /** Runs `work` when a slot is free; resolves with undefined, without running it, when the queue was emptied first. */
  async run<T>(rank: Rank, work: () => Promise<T>): Promise<T | undefined> {
    const entered = this.#acquire(rank);
    if (!(typeof entered === "boolean" ? entered : await entered)) return undefined;
    try {
      return await work();
    } finally {
      this.#release();
    }
  }

  /** Turns away all that wait. */
  empty(): void {
    for (const rank of RANKS) {
      for (const waiting of this.#waiting[rank].splice(0)) waiting.cancel();
    }
  }

  #acquire(rank: Rank): Promise<boolean> | boolean {
    if (this.#busy < this.slots) {
      this.#busy++;
      return true;
    }
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
