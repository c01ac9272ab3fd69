/** Events by time; those of the same time in the order in which they were added. */

export interface Scheduled<T> {
  readonly at: number;
  readonly value: T;
}

interface Entry<T> extends Scheduled<T> {
  readonly order: number;
}

/** A binary heap: the simulations of thousands of nodes hold a hundred thousand events. */
export class EventQueue<T> {
  readonly #heap: Entry<T>[] = [];
  #order = 0;

  add(at: number, value: T): void {
    const entry = { at, value, order: this.#order++ };
    let place = this.#heap.push(entry) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || isBefore(parent, entry)) break;
      this.#heap[place] = parent;
      place = above;
    }
    this.#heap[place] = entry;
  }

  /** @throws RangeError when there is none */
  take(): Scheduled<T> {
    const [first] = this.#heap;
    const last = this.#heap.pop();
    if (first === undefined || last === undefined) throw new RangeError("There is no event left.");
    if (this.#heap.length > 0) this.#sink(last);
    return { at: first.at, value: first.value };
  }

  /** Puts an entry at the top, and lets it sink to its place. */
  #sink(entry: Entry<T>): void {
    let place = 0;
    for (;;) {
      const child = this.#lesserChild(place);
      const below = this.#heap[child];
      if (below === undefined || isBefore(entry, below)) break;
      this.#heap[place] = below;
      place = child;
    }
    this.#heap[place] = entry;
  }

  #lesserChild(place: number): number {
    const left = 2 * place + 1;
    const [a, b] = [this.#heap[left], this.#heap[left + 1]];
    return a !== undefined && b !== undefined && isBefore(b, a) ? left + 1 : left;
  }
}

function isBefore<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
