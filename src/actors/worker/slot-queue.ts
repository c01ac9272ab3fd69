/** The slots of a worker: so many passes run at once, the others wait by rank. */

/**
 * Suspects come first, and run alone: what they kill must not take others with it. Then passes of tasks that are begun,
 * then tasks by priority.
 */
export const RANKS = ["alone", "begun", "high", "normal", "low"] as const;
export type Rank = (typeof RANKS)[number];

interface Waiting {
  begin(): void;
  cancel(): void;
}

export class SlotQueue {
  readonly slots: number;
  readonly #waiting: Record<Rank, Waiting[]> = { alone: [], begun: [], high: [], normal: [], low: [] };
  #busy = 0;

  constructor(slots: number) {
    this.slots = slots;
  }

  get busy(): number {
    return this.#busy;
  }

  /** Runs `work` when a slot is free; resolves with undefined, without running it, when the queue was emptied first. */
  async run<T>(rank: Rank, work: () => Promise<T>): Promise<T | undefined> {
    if (!(await this.#acquire(rank))) return undefined;
    try {
      return await work();
    } finally {
      this.#busy -= this.#cost(rank);
      this.#admit();
    }
  }

  /** Turns away all that wait. */
  empty(): void {
    for (const rank of RANKS) {
      for (const waiting of this.#waiting[rank].splice(0)) waiting.cancel();
    }
  }

  #cost(rank: Rank): number {
    return rank === "alone" ? this.slots : 1;
  }

  #fits(rank: Rank): boolean {
    return this.#busy + this.#cost(rank) <= this.slots;
  }

  #acquire(rank: Rank): Promise<boolean> | boolean {
    // Nothing begins while a suspect waits for the others to end.
    if (this.#waiting.alone.length === 0 && this.#fits(rank)) {
      this.#busy += this.#cost(rank);
      return true;
    }
    return new Promise((resolve) => {
      this.#waiting[rank].push({ begin: () => resolve(true), cancel: () => resolve(false) });
    });
  }

  /** Lets in those whose turn it is. */
  #admit(): void {
    for (let rank = this.#next(); rank !== undefined && this.#fits(rank); rank = this.#next()) {
      this.#busy += this.#cost(rank);
      this.#waiting[rank].shift()?.begin();
    }
  }

  #next(): Rank | undefined {
    return RANKS.find((rank) => this.#waiting[rank].length > 0);
  }
}
