/**
 * Which items of a job have been counted. A chunk counts when none of its items was counted before, so each item counts
 * exactly once, however often its result arrives.
 */
import { InvalidBody } from "../errors.ts";

/** Items `from` up to, not including, `end`. */
export type Interval = readonly [from: number, end: number];

/** What {@link Coverage.add} found: all items new (and now covered), all known already, or some of both (nothing added). */
export type Addition = "new" | "duplicate" | "overlap";

/**
 * A set of item numbers, kept as sorted disjoint intervals: memory grows with the number of gaps, not of items.
 *
 * Item numbers go up to 2^53 − 1. Adding in order takes constant time; anywhere else a binary search.
 */
export class Coverage {
  /**
   * from, end, from, end, …, strictly rising. So an item is covered exactly when an odd number of bounds is at or below
   * it.
   */
  readonly #bounds: number[] = [];
  #count = 0;

  /**
   * Covers the items `from` … `from + count - 1`, unless some of them are covered already. Of no items, it says "duplicate".
   *
   * @throws InvalidBody when the arguments are not non-negative safe integers, or reach beyond 2^53 − 1.
   */
  add(from: number, count: number): Addition {
    const end = endOf(from, count);
    const below = this.#boundsUpTo(from);
    if (count === 0 || this.#isInside(below, end)) return "duplicate";
    if (below % 2 === 1 || this.#bound(below) < end) return "overlap";
    this.#insert(below, from, end);
    this.#count += count;
    return "new";
  }

  /** How many items are covered. */
  get count(): number {
    return this.#count;
  }

  /** How many separate intervals the covered items form. */
  get intervalCount(): number {
    return this.#bounds.length / 2;
  }

  /** The covered items, in order; neighbouring intervals never touch. */
  get intervals(): Interval[] {
    return pairs(this.#bounds);
  }

  has(item: number): boolean {
    return this.covers(item, 1);
  }

  /** Whether all of the items `from` … `from + count - 1` are covered. */
  covers(from: number, count: number): boolean {
    const end = endOf(from, count);
    return count === 0 || this.#isInside(this.#boundsUpTo(from), end);
  }

  /** What is missing among the first `total` items, in order. */
  holes(total: number): Interval[] {
    const end = endOf(0, total);
    const below = this.#boundsUpTo(end);
    const inside = this.#bounds.slice(0, below);
    const edges = [0, ...inside];
    if (below % 2 === 0) edges.push(end);
    return pairs(edges).filter(([from, to]) => from < to);
  }

  /** Whether the first `total` items are all covered. */
  isComplete(total: number): boolean {
    return this.covers(0, total);
  }

  /** The intervals as one flat array `[from, end, from, end, …]`. */
  toJSON(): number[] {
    return [...this.#bounds];
  }

  /** @throws InvalidBody when the value is not what {@link Coverage.toJSON} writes. */
  static fromJSON(value: unknown): Coverage {
    if (!Array.isArray(value) || value.length % 2 !== 0)
      throw new InvalidBody("A coverage is an array of pairs.");
    const coverage = new Coverage();
    for (const [from, end] of pairs(value)) coverage.#append(from, end);
    return coverage;
  }

  #append(from: unknown, end: unknown): void {
    if (!isItem(from) || !isItem(end) || from >= end || from <= (this.#bounds.at(-1) ?? -1)) {
      throw new InvalidBody(
        `A coverage's bounds are rising whole numbers, but ${from}, ${end} stands in it.`,
      );
    }
    this.#bounds.push(from, end);
    this.#count += end - from;
  }

  /** Whether the items up to `end`, the first of which has `below` bounds at or below it, lie in one interval. */
  #isInside(below: number, end: number): boolean {
    return below % 2 === 1 && end <= this.#bound(below);
  }

  #bound(index: number): number {
    return this.#bounds[index] ?? Number.POSITIVE_INFINITY;
  }

  /** How many bounds are at or below `item`. */
  #boundsUpTo(item: number): number {
    let low = 0;
    let high = this.#bounds.length;
    if (high === 0 || item >= this.#bound(high - 1)) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#bound(middle) <= item) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Puts `from`, `end` in front of the bound `index`, melting them into the intervals that they touch. */
  #insert(index: number, from: number, end: number): void {
    const touchesLeft = index > 0 && this.#bound(index - 1) === from;
    const touchesRight = this.#bound(index) === end;
    if (touchesLeft && touchesRight) this.#bounds.splice(index - 1, 2);
    else if (touchesLeft) this.#bounds[index - 1] = end;
    else if (touchesRight) this.#bounds[index] = from;
    else this.#bounds.splice(index, 0, from, end);
  }
}

function endOf(from: number, count: number): number {
  if (isItem(from) && isItem(count) && isItem(from + count)) return from + count;
  throw new InvalidBody(
    `Items are counted in whole numbers from 0 to 2^53 − 1, but ${count} from ${from} were named.`,
  );
}

function isItem(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function pairs<T>(flat: readonly T[]): (readonly [T, T])[] {
  const found: (readonly [T, T])[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) found.push([flat[at] as T, flat[at + 1] as T]);
  return found;
}
