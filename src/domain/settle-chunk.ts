/** Makes one partial result of what the passes over a chunk left: pieces, and items that failed for good. */
import { ImpossibleTransition } from "../errors.ts";
import { addDigests, NO_DIGEST } from "./item-digest.ts";
import type { Digests, ItemFailure, Piece } from "./pass.ts";
import type { Reducer } from "./reducers/index.ts";

/** What a worker reports of a chunk. */
export interface ChunkOutcome {
  /** The whole chunk's state, as JSON text. */
  partial: string;
  /** In item order. */
  failures: ItemFailure[];
  /** Items that are in the partial. */
  outputs: number;
  /** Of these items. */
  digests: Digests;
}

/** A chunk whose items are all settled. */
export interface SettledChunk {
  from: number;
  count: number;
  pieces: readonly Piece[];
  failures: readonly ItemFailure[];
}

/**
 * One partial for the whole chunk. In a `collect` a failed item leaves `null`, so that every output keeps its place; in
 * every other reducer it leaves nothing.
 * @throws ImpossibleTransition when pieces and failures are not exactly the chunk's items
 */
export function settleChunk<S>(reducer: Reducer<S>, chunk: SettledChunk): ChunkOutcome {
  assertWhole(chunk);
  return {
    partial: partialOf(reducer, chunk),
    failures: [...chunk.failures].sort((a, b) => a.index - b.index),
    outputs: chunk.count - chunk.failures.length,
    digests: chunk.pieces.map(({ digests }) => digests).reduce(bothOf, NO_DIGESTS),
  };
}

function partialOf<S>(reducer: Reducer<S>, chunk: SettledChunk): string {
  const [first] = chunk.pieces;
  if (first !== undefined && first.count === chunk.count) return first.partial;
  const parts = reducer.ordered ? inOrder(reducer, chunk) : chunk.pieces.map(({ partial }) => partial);
  const state = parts.reduce((whole, part) => reducer.combine(whole, reducer.decode(part)), reducer.init());
  return reducer.encode(state);
}

const NO_DIGESTS: Digests = { inputs: NO_DIGEST, outputs: NO_DIGEST };

function bothOf(a: Digests, b: Digests): Digests {
  return { inputs: addDigests(a.inputs, b.inputs), outputs: addDigests(a.outputs, b.outputs) };
}

function assertWhole({ from, count, pieces, failures }: SettledChunk): void {
  const reduced = pieces.reduce((sum, piece) => sum + piece.count, 0);
  if (reduced + failures.length === count) return;
  throw new ImpossibleTransition(`A chunk of ${count} items from ${from} settled as something else.`, [
    `${reduced} items in ${pieces.length} pieces, ${failures.length} failures`,
  ]);
}

/** The partials of pieces and gaps, as the items stand in the chunk. */
function inOrder<S>(reducer: Reducer<S>, { pieces, failures }: SettledChunk): string[] {
  const gap = gapOf(reducer);
  const placed = pieces.map(({ from, partial }) => ({ at: from, partial }));
  const gaps = gap === undefined ? [] : failures.map(({ index }) => ({ at: index, partial: gap }));
  return [...placed, ...gaps].sort((a, b) => a.at - b.at).map(({ partial }) => partial);
}

function gapOf<S>(reducer: Reducer<S>): string | undefined {
  return reducer.name === "collect" ? reducer.encode(reducer.step(reducer.init(), null)) : undefined;
}
