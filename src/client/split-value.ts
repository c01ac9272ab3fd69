/** Items that a task's splitter makes. */

/**
 * What a splitter is given; {@link fromSplitter} makes one.
 *
 * @example
 * import { fromSplitter } from "muster";
 *
 * fromSplitter({ table: "orders" }).value; // { table: "orders" }
 */
export class SplitValue<Value = unknown> {
  /** As it travels to the worker, as JSON. */
  readonly value: Value;

  /** @internal */
  constructor(value: Value) {
    this.value = value;
  }
}

/**
 * In the place of a job's items: those that the task's `split` makes of a value, which travels as JSON. They are made by a
 * worker, so the job has no number of items before that.
 *
 * @example
 * import { chunk, fromSplitter, task } from "muster";
 *
 * const squares = task("squares", {
 *   split: function* ({ upTo }: { upTo: number }) {
 *     for (let n = 1; n < upTo; n += 2) yield chunk([n, n + 1]);
 *   },
 *   run: (n: number) => n * n,
 * });
 *
 * await muster.map(squares, fromSplitter({ upTo: 4 })); // [1, 4, 9, 16]
 */
export function fromSplitter<Value>(value: Value): SplitValue<Value> {
  return new SplitValue(value);
}
