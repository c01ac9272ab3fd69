/** How many tasks of a kind a worker holds: near its slots for slow handlers, deep for fast ones. */

/** Handler time that may lie in a worker's own queue, in milliseconds: enough to cover the way to the broker. */
const AHEAD_MS = 40;
/** Tasks up to this long, in milliseconds, lie ahead one a slot at least: slots that began together end together. */
const SHORT_MS = 100;
const MAX_DEPTH = 512;
/** Bytes of tasks that a worker holds of one kind. */
const MAX_BYTES = 32 * 1024 * 1024;
/** Weight of the newest chunk in the averages. */
const WEIGHT = 0.1;

export class Prefetch {
  readonly #slots: number;
  #chunkMs: number | undefined;
  #chunkBytes = 0;

  constructor(slots: number) {
    this.#slots = slots;
  }

  onChunk(handlerMs: number, bytes: number): void {
    const isFirst = this.#chunkMs === undefined;
    this.#chunkMs = isFirst ? handlerMs : mix(this.#chunkMs ?? 0, handlerMs);
    this.#chunkBytes = isFirst ? bytes : mix(this.#chunkBytes, bytes);
  }

  /** Tasks to hold, those that run included. */
  get target(): number {
    if (this.#chunkMs === undefined) return 2 * this.#slots;
    const perSlot = AHEAD_MS / Math.max(0.02, this.#chunkMs);
    const least = this.#chunkMs <= SHORT_MS ? this.#slots : 0;
    const ahead = Math.max(least, Math.ceil(this.#slots * perSlot));
    const byBytes = Math.ceil(MAX_BYTES / Math.max(1, this.#chunkBytes));
    return Math.max(this.#slots, Math.min(this.#slots + ahead, MAX_DEPTH, byBytes));
  }
}

function mix(average: number, newest: number): number {
  return average + WEIGHT * (newest - average);
}
