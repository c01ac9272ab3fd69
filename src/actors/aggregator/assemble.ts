/** The result of an ordered job, read back from the results stream in item order, a few messages ahead. */
import type { Piece } from "../../domain/gather.ts";
import { OrderedJoin } from "../../domain/reducers/index.ts";
import { ObjectGone, ResultGone } from "../../errors.ts";
import { resultsIn } from "../../protocol/pack.ts";
import { SpecDecoder } from "../../protocol/spec.ts";
import type { ActorContext } from "../context.ts";
import type { ResultText } from "../outcomes.ts";

/** Pieces that are fetched at once, so that a round trip is not paid a piece. */
const AHEAD = 32;
/** Characters that are joined at once, where they are at hand. */
const AT_ONCE = 64 * 1024;

/** So often an object is read that is replaced meanwhile, each time by a worker that runs its task once more. */
const MOST_READINGS = 5;

/** Partials of ordered jobs that are kept in memory until their job ends, within a budget in characters. */
export class PieceCache {
  readonly #budget: number;
  #kept = 0;

  constructor(budget: number) {
    this.#budget = budget;
  }

  add(piece: Piece, text: string): void {
    if (this.#kept + text.length > this.#budget) return;
    piece.text = text;
    this.#kept += text.length;
  }

  drop(pieces: readonly Piece[]): void {
    for (const piece of pieces) {
      this.#kept -= piece.text?.length ?? 0;
      piece.text = undefined;
    }
  }
}

/** The pieces of a complete job, joined as its reducer joins them. */
export function assemble(
  context: ActorContext,
  name: "collect" | "concat",
  pieces: readonly Piece[],
): ResultText {
  const sorted = [...pieces].sort((a, b) => a.from - b.from);
  const bytes = sorted.reduce((sum, piece) => sum + bytesOf(piece) + 1, 2);
  return { bytes, parts: joined(context, name, sorted) };
}

/** At most so many. What lies in the object store is larger than a message, and so is the result. */
function bytesOf({ object, bytes }: Piece): number {
  return object === undefined ? bytes : Number.POSITIVE_INFINITY;
}

async function* joined(
  context: ActorContext,
  name: "collect" | "concat",
  pieces: readonly Piece[],
): AsyncIterable<Uint8Array> {
  const join = new OrderedJoin(name);
  for (let at = 0; at < pieces.length; ) {
    const some = pieces.slice(at, endOfSome(pieces, at));
    at += some.length;
    let text = "";
    for (const partial of await textsOf(context, some)) text += join.push(partial);
    yield Buffer.from(text);
  }
  yield Buffer.from(join.end());
}

/** Where the pieces from `at` on that should be joined at once end: few that must be fetched, or many that are at hand. */
function endOfSome(pieces: readonly Piece[], at: number): number {
  let end = at;
  for (let room = AT_ONCE; end < pieces.length && room > 0; end++) {
    room -= pieces[end]?.text?.length ?? AT_ONCE / AHEAD;
  }
  return end;
}

async function textsOf(context: ActorContext, pieces: readonly Piece[]): Promise<readonly string[]> {
  const kept = pieces.flatMap(({ text }) => text ?? []);
  if (kept.length === pieces.length) return kept;
  return await Promise.all(pieces.map((piece) => textOfPiece(context, piece)));
}

/** The partial of a piece, from wherever it lies. @throws ResultGone */
export async function textOfPiece(context: ActorContext, piece: Piece): Promise<string> {
  if (piece.object !== undefined) return await readObject(context, piece.object);
  return piece.text ?? (await readPiece(context, piece));
}

async function readPiece({ broker, names }: ActorContext, { seq, from, count }: Piece): Promise<string> {
  const message = await broker.at(names.stream("results"), seq);
  if (message === undefined) throw new ResultGone(`message ${seq} of the results stream`);
  const arrivals = resultsIn(message, new SpecDecoder(1), broker.maxPayload);
  const arrival = arrivals.find(({ result }) => result.from === from && result.count === count);
  if (arrival === undefined) throw new ResultGone(`a part of message ${seq} of the results stream`);
  return arrival.result.partial;
}

/**
 * An object of the outputs bucket, whole. A worker that runs the task once more replaces it, maybe right now: then it is read anew.
 *
 * @throws ResultGone where it is not there, or cannot be read whole
 */
export async function readObject({ broker, names }: ActorContext, name: string): Promise<string> {
  const objects = await broker.objects(names.outputs);
  for (let attempt = 1; attempt <= MOST_READINGS; attempt++) {
    const parts = await objects.get(name);
    if (parts === undefined) break;
    try {
      const chunks: Uint8Array[] = [];
      for await (const chunk of parts) chunks.push(chunk);
      return Buffer.concat(chunks).toString("utf8");
    } catch (error) {
      if (!(error instanceof ObjectGone)) throw error;
    }
  }
  throw new ResultGone(`object ${name}`);
}
