/** Chunks that a splitter makes: items that are to be one task. */
import { InvalidChunk } from "../../errors.ts";
import { MAX_CHUNK_ITEMS } from "../../protocol/spec.ts";

/** Found by key, not by class: a handler module may have loaded its own copy of muster. */
const CHUNK = Symbol.for("muster.chunk");

/** Items that become one task, whatever the job's `chunk` says; made by {@link chunk}, yielded by a {@link Splitter}. */
export interface Chunk<Item = unknown> {
  /** In order. */
  readonly items: readonly Item[];
  /** @internal */
  readonly [CHUNK]: true;
}

/**
 * Marks items that a splitter yields as one chunk: a task of exactly these items, which a batch handler is given together. An
 * array without it is one item.
 *
 * A chunk has 1 to 1,000,000 items, and fits into a message (1 MB, where the server says nothing else).
 * @throws InvalidChunk where it has no item, or more than 1,000,000
 *
 * @example
 * import { chunk } from "muster";
 *
 * export function* split() {
 *   yield chunk(["these", "two"]); // one task of two items
 *   yield ["this", "one"]; // one item that is an array
 * }
 */
export function chunk<Item>(items: Iterable<Item>): Chunk<Item> {
  if (typeof items !== "object" || items === null || !(Symbol.iterator in items))
    throw new InvalidChunk("A chunk is made of an array, or of something else that can be iterated.");
  return Object.freeze({ items: Object.freeze(bounded(items)), [CHUNK]: true as const });
}

/** What can be iterated may have no end. */
function bounded<Item>(items: Iterable<Item>): Item[] {
  const list: Item[] = [];
  for (const item of items) {
    if (list.length >= MAX_CHUNK_ITEMS)
      throw new InvalidChunk(`A chunk has more than ${MAX_CHUNK_ITEMS} items.`);
    list.push(item);
  }
  if (list.length === 0) throw new InvalidChunk("A chunk has no items.");
  return list;
}

/** Whether a value is a chunk, of whichever copy of muster. */
export function isChunk(value: unknown): value is Chunk {
  return typeof value === "object" && value !== null && CHUNK in value;
}
