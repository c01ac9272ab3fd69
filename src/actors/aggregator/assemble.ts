/** The result of an ordered job, read back from the results stream in item order, a few messages ahead. */
import type { Piece } from "../../domain/gather.ts";
import { OrderedJoin } from "../../domain/reducers/index.ts";
import { ResultGone } from "../../errors.ts";
import { decodeResult } from "../../protocol/messages.ts";
import { decodePack } from "../../protocol/pack.ts";
import { SpecDecoder } from "../../protocol/spec.ts";
import type { ActorContext } from "../context.ts";
import type { ResultText } from "../outcomes.ts";

/** Pieces that are fetched at once, so that a round trip is not paid a piece. */
const AHEAD = 32;

/** Partials of ordered jobs that are kept in memory until their job ends, within a budget in bytes. */
export class PieceCache {
  readonly #budget: number;
  readonly #texts = new Map<Piece, string>();
  #bytes = 0;

  constructor(budget: number) {
    this.#budget = budget;
  }

  add(piece: Piece, text: string): void {
    if (this.#bytes + text.length > this.#budget) return;
    this.#texts.set(piece, text);
    this.#bytes += text.length;
  }

  get(piece: Piece): string | undefined {
    return this.#texts.get(piece);
  }

  drop(pieces: readonly Piece[]): void {
    for (const piece of pieces) {
      this.#bytes -= this.#texts.get(piece)?.length ?? 0;
      this.#texts.delete(piece);
    }
  }
}

/** The pieces of a complete job, joined as its reducer joins them. */
export function assemble(
  context: ActorContext,
  name: "collect" | "concat",
  { pieces, cache }: { pieces: readonly Piece[]; cache: PieceCache },
): ResultText {
  const sorted = [...pieces].sort((a, b) => a.from - b.from);
  const bytes = sorted.reduce((sum, piece) => sum + bytesOf(piece) + 1, 2);
  return { bytes, parts: joined(name, texts(context, sorted, cache)) };
}

/** At most so many. What lies in the object store is larger than a message, and so is the result. */
function bytesOf({ object, bytes }: Piece): number {
  return object === undefined ? bytes : Number.POSITIVE_INFINITY;
}

async function* joined(
  name: "collect" | "concat",
  partials: AsyncIterable<string>,
): AsyncIterable<Uint8Array> {
  const join = new OrderedJoin(name);
  for await (const partial of partials) yield Buffer.from(join.push(partial));
  yield Buffer.from(join.end());
}

async function* texts(
  context: ActorContext,
  pieces: readonly Piece[],
  cache: PieceCache,
): AsyncIterable<string> {
  const ahead: Promise<string>[] = [];
  for (const piece of pieces) {
    const text = textOfPiece(context, piece, cache);
    text.catch(() => {}); // It is awaited below; this keeps an early failure from counting as unhandled.
    ahead.push(text);
    if (ahead.length >= AHEAD) yield await (ahead.shift() as Promise<string>);
  }
  for (const text of ahead) yield await text;
}

/** The partial of a piece, from wherever it lies. @throws ResultGone */
export async function textOfPiece(context: ActorContext, piece: Piece, cache: PieceCache): Promise<string> {
  if (piece.object !== undefined) return await readObject(context, piece.object);
  return cache.get(piece) ?? (await readPiece(context, piece));
}

async function readPiece({ broker, names }: ActorContext, { seq, from, count }: Piece): Promise<string> {
  const message = await broker.at(names.stream("results"), seq);
  if (message === undefined) throw new ResultGone(`message ${seq} of the results stream`);
  const specs = new SpecDecoder(1);
  const results = decodePack(message).map((part) => decodeResult(part, specs));
  const result = results.find((each) => each.from === from && each.count === count);
  if (result === undefined) throw new ResultGone(`a part of message ${seq} of the results stream`);
  return result.partial;
}

/** An object of the outputs bucket, whole. @throws ResultGone */
export async function readObject({ broker, names }: ActorContext, name: string): Promise<string> {
  const objects = await broker.objects(names.outputs);
  const parts = await objects.get(name);
  if (parts === undefined) throw new ResultGone(`object ${name}`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of parts) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
