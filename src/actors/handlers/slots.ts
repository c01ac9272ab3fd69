/** Lets so many in at once, and the others in the order they came. */

/** A counter of free slots with a queue before it. */
export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves to true with a slot taken, or to false when `signal` aborts first. */
  take(signal: AbortSignal): Promise<boolean> | boolean {
    if (signal.aborted) return false;
    if (this.#free > 0) {
      this.#free--;
      return true;
    }
    return this.#queue(signal);
  }

  /** Gives a slot back: to the one who waited longest. */
  give(): void {
    for (const next of this.#waiting) {
      this.#waiting.delete(next);
      return next();
    }
    this.#free++;
  }

  #queue(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const onAbort = () => {
        this.#waiting.delete(enter);
        resolve(false);
      };
      const enter = () => {
        signal.removeEventListener("abort", onAbort);
        resolve(true);
      };
      this.#waiting.add(enter);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}
