/** The bytes of a record whose end has not come yet. */

/** Gathers the pieces of one record after the other, and lets go of those that grow too large. */
export class Unfinished {
  readonly #limit: number;
  #pieces: Buffer[] = [];
  #bytes = 0;

  /** @param limit bytes that a record may have */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  add(piece: Buffer): void {
    this.#bytes += piece.length;
    if (this.#bytes > this.#limit) this.#pieces = [];
    else if (piece.length > 0) this.#pieces.push(piece);
  }

  /** The record that this last piece completes; undefined where it was too large. The next one begins. */
  take(last: Buffer): Buffer | undefined {
    this.add(last);
    const bytes = this.#bytes > this.#limit ? undefined : joined(this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    return bytes;
  }
}

function joined(pieces: readonly Buffer[]): Buffer {
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
}
