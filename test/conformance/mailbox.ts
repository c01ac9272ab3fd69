/** Collects what callbacks are given, so that a test can await it. */

/** In real time: what has not come by then does not come. */
const PATIENCE_MS = 10_000;

interface Waiter {
  until: number;
  resolve: () => void;
}

export class Mailbox<T> {
  /** All that came, taken or not. */
  readonly all: T[] = [];
  #taken = 0;
  readonly #waiters = new Set<Waiter>();

  /** Give this to whatever takes a callback. */
  readonly put = (item: T): void => {
    this.all.push(item);
    for (const waiter of this.#waiters) if (this.all.length >= waiter.until) waiter.resolve();
  };

  /** The next `count` items, as soon as they are here. */
  async take(count: number): Promise<T[]> {
    const from = this.#taken;
    this.#taken += count;
    await this.#reached(this.#taken);
    return this.all.slice(from, from + count);
  }

  /** The next item, as soon as it is here. */
  async one(): Promise<T> {
    const [item] = await this.take(1);
    if (item === undefined) throw new Error("The mailbox is empty.");
    return item;
  }

  /** What came and was not taken yet. */
  get waiting(): T[] {
    return this.all.slice(this.#taken);
  }

  #reached(until: number): Promise<void> {
    if (this.all.length >= until) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new Error(`Only ${this.all.length} of ${until} came.`));
      }, PATIENCE_MS);
      const waiter: Waiter = { until, resolve: () => end() };
      const end = () => {
        clearTimeout(limit);
        this.#waiters.delete(waiter);
        resolve();
      };
      this.#waiters.add(waiter);
    });
  }
}
