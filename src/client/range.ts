/** Ranges: items that are not written out. */
import { InvalidBody } from "../errors.ts";

/**
 * Whole numbers that a job counts by itself: a thousand million items are a message of a hundred bytes. {@link range} makes one.
 *
 * @example
 * import { range } from "muster";
 *
 * range(0, 10, 2).at(3); // 6
 */
export class Range implements Iterable<number> {
  /** The first number. */
  readonly from: number;
  /** Not included. */
  readonly to: number;
  /** From one number to the next; may be negative. */
  readonly step: number;

  /** @internal */
  constructor(from: number, to: number, step: number) {
    this.from = from;
    this.to = to;
    this.step = step;
  }

  /** How many numbers there are. */
  get length(): number {
    return Math.max(0, Math.ceil((this.to - this.from) / this.step));
  }

  /** The number at a place from 0. */
  at(index: number): number {
    return this.from + index * this.step;
  }

  /** The numbers one by one, for programs; a job needs them not. */
  *[Symbol.iterator](): Generator<number> {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }
}

/**
 * The whole numbers from `from` up to, not including, `to`; as in `range(to)`, from 0.
 *
 * @throws InvalidBody where the bounds are not whole numbers up to ±(2^53 − 1), or the step is 0
 *
 * @example
 * import { range } from "muster";
 *
 * [...range(3)]; // [0, 1, 2]
 * [...range(10, 0, -5)]; // [10, 5]
 * range(2, 1e6).length; // 999998
 */
export function range(to: number): Range;
export function range(from: number, to: number, step?: number): Range;
export function range(first: number, second?: number, step = 1): Range {
  const [from, to] = second === undefined ? [0, first] : [first, second];
  for (const bound of [from, to, step])
    if (!Number.isSafeInteger(bound))
      throw new InvalidBody(`A range is of whole numbers, but ${bound} was given.`);
  if (step === 0) throw new InvalidBody("The step of a range must not be 0.");
  return new Range(from, to, step);
}
