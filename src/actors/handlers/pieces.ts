/** Reduces the outputs of a pass into pieces, item by item. */
import { ItemDigest, ItemHashes } from "../../domain/item-digest.ts";
import type { Piece } from "../../domain/pass.ts";
import type { Reducer } from "../../domain/reducers/index.ts";
import { wrapBytes } from "../../protocol/binary.ts";
import { encodeJson } from "../../protocol/json.ts";

/** Items whose outputs were reduced together, but whose state could not be written: they all fail. */
export interface Unwritable {
  offsets: readonly number[];
  reason: unknown;
}

/** Offsets as runs of consecutive ones: `first, end, first, end, …`. A chunk in which nothing fails is a single run. */
class Offsets {
  readonly #bounds: number[] = [];
  count = 0;

  add(offset: number): void {
    const last = this.#bounds.length - 1;
    if (this.#bounds[last] === offset) this.#bounds[last] = offset + 1;
    else this.#bounds.push(offset, offset + 1);
    this.count++;
  }

  get first(): number {
    return this.#bounds[0] ?? 0;
  }

  /** Behind the last of them. */
  get end(): number {
    return this.#bounds.at(-1) ?? 0;
  }

  get all(): number[] {
    const all: number[] = [];
    for (let at = 0; at < this.#bounds.length; at += 2) {
      for (let offset = this.#bounds[at] ?? 0; offset < (this.#bounds[at + 1] ?? 0); offset++)
        all.push(offset);
    }
    return all;
  }
}

interface Open {
  state: unknown;
  readonly offsets: Offsets;
  readonly inputs: ItemDigest;
  readonly outputs: ItemDigest;
}

/** Collects outputs into pieces: one per run of consecutive items for an ordered reducer, else one in all. */
export class PieceBuilder {
  readonly pieces: Piece[] = [];
  readonly unwritable: Unwritable[] = [];
  readonly #reducer: Reducer<unknown>;
  readonly #from: number;
  /** Of all items of the chunk: which of them count is known only when they are settled. */
  readonly #inputs: ItemHashes;
  readonly #outputs: ItemHashes;
  #open: Open | undefined;

  /** @param chunk from: the job-wide number of its item 0 */
  constructor(reducer: Reducer<unknown>, { from, count }: { from: number; count: number }) {
    this.#reducer = reducer;
    this.#from = from;
    this.#inputs = new ItemHashes(count);
    this.#outputs = new ItemHashes(count);
  }

  /** To be told of each item before its handler is, which may change what it is given. */
  begin(offset: number, item: unknown): void {
    this.#inputs.set(offset, this.#from + offset, item);
  }

  /** @throws InvalidOutput, or what the reducer throws when it refuses the output; the pieces are as before then */
  add(offset: number, given: unknown): void {
    const output = wrapBytes(given);
    // All that can fail comes before all that counts the item: an output may be one thing now and another then.
    this.#hash(offset, output);
    const open = this.#fits(offset) ?? this.#begun();
    open.state = this.#reducer.step(open.state, checkedOutput(this.#reducer, output));
    open.offsets.add(offset);
    open.inputs.addHash(this.#inputs, offset);
    open.outputs.addHash(this.#outputs, offset);
    if (open !== this.#open) this.#close();
    this.#open = open;
  }

  #hash(offset: number, output: unknown): void {
    try {
      this.#outputs.set(offset, this.#from + offset, output);
    } catch (error) {
      encodeJson(output); // Says better what is wrong with it.
      throw error;
    }
  }

  /** Writes what is still open. */
  finish(): void {
    this.#close();
  }

  #begun(): Open {
    const state = this.#reducer.init();
    return { state, offsets: new Offsets(), inputs: new ItemDigest(), outputs: new ItemDigest() };
  }

  #fits(offset: number): Open | undefined {
    if (!this.#reducer.ordered) return this.#open;
    return this.#open?.offsets.end === offset ? this.#open : undefined;
  }

  #close(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    try {
      this.pieces.push(this.#piece(open));
    } catch (reason) {
      this.unwritable.push({ offsets: open.offsets.all, reason });
    }
  }

  #piece({ state, offsets, inputs, outputs }: Open): Piece {
    return {
      from: this.#from + offsets.first,
      count: offsets.count,
      partial: this.#reducer.encode(state),
      digests: { inputs: inputs.value, outputs: outputs.value },
    };
  }
}

/**
 * The output, if it can be written as JSON; a handler that returns nothing has the output null.
 *
 * Ordered reducers write every output themselves, and the commonest outputs need no try.
 * @throws InvalidOutput
 */
function checkedOutput({ ordered }: Reducer<unknown>, output: unknown): unknown {
  if (output === undefined) return null;
  const isPlain = typeof output === "string" || typeof output === "boolean" || Number.isFinite(output);
  if (!ordered && !isPlain) encodeJson(output);
  return output;
}
