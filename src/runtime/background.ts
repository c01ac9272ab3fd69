/** Promises that nobody awaits, counted: nothing of ours runs on unseen. */

export class Background {
  readonly #running = new Set<Promise<unknown>>();
  readonly #onError: (error: unknown) => void;

  /** `onError` hears of every rejection. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  get size(): number {
    return this.#running.size;
  }

  run(work: () => Promise<unknown>): void {
    const forget = () => this.#running.delete(running);
    const running: Promise<unknown> = work().then(forget, (error) => {
      forget();
      this.#onError(error);
    });
    this.#running.add(running);
  }

  /** Resolves when nothing runs any more, what was begun meanwhile included. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
