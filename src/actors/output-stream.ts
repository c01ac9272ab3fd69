/**
 * The outputs of a job in item order while it still runs: its results are read as they come, those whose turn has not
 * come are remembered by their place only, and what is gone from the stream is taken from the outcome.
 */
import type { StreamMessage, Tail } from "../broker/port.ts";
import { Coverage } from "../domain/coverage.ts";
import type { Piece } from "../domain/gather.ts";
import { ImpossibleTransition } from "../errors.ts";
import { splitArray } from "../protocol/json.ts";
import { decodeResult, type Outcome, type Received } from "../protocol/messages.ts";
import { partitionOf } from "../protocol/names.ts";
import { decodePack } from "../protocol/pack.ts";
import type { Bytes } from "../protocol/records/bytes.ts";
import { elementTexts } from "../protocol/records/json-array.ts";
import { SpecDecoder } from "../protocol/spec.ts";
import { PieceCache, textOfPiece } from "./aggregator/assemble.ts";
import type { ActorContext } from "./context.ts";

/** Bytes of results that are kept until their turn comes; beyond, they are read from the stream once more. */
const KEPT_BYTES = 16 * 1024 * 1024;

export interface StreamedJob {
  job: string;
  /** Settles when the job is over. */
  outcome: Promise<Outcome>;
  /** The bytes of a succeeded outcome's result. */
  resultBytes(outcome: Outcome): Bytes;
}

/**
 * The outputs of a job that collects, as JSON texts in item order, in batches; returns the outcome. Never reads faster
 * than its outputs are taken by more than {@link KEPT_BYTES}.
 */
export async function* streamOutputs(
  context: ActorContext,
  { job, outcome, resultBytes }: StreamedJob,
): AsyncGenerator<string[], Outcome> {
  const results = await Results.read(context, job);
  let taken = 0;
  try {
    for await (const texts of results.inOrder(outcome)) {
      yield texts;
      taken += texts.length;
    }
  } finally {
    await results.close();
  }
  const ended = await outcome;
  if (ended.state === "succeeded") yield* behind(taken, elementTexts(resultBytes(ended)));
  return ended;
}

async function* behind(count: number, batches: AsyncIterable<string[]>): AsyncIterable<string[]> {
  let skip = count;
  for await (const batch of batches) {
    if (batch.length > skip) yield batch.slice(skip);
    skip = Math.max(0, skip - batch.length);
  }
}

/** The results of one job, counted as its aggregator counts them. */
class Results {
  readonly #context: ActorContext;
  readonly #specs = new SpecDecoder(1);
  readonly #coverage = new Coverage();
  /** Those whose turn has not come, by their first item. */
  readonly #pieces = new Map<number, Piece>();
  readonly #cache = new PieceCache(KEPT_BYTES);
  #tail: Tail | undefined;
  /** Messages that came before the tail was at hand to be told so. */
  #early = 0;
  #wake: () => void = () => {};

  private constructor(context: ActorContext) {
    this.#context = context;
  }

  static async read(context: ActorContext, job: string): Promise<Results> {
    const { broker, names, partitions } = context;
    const results = new Results(context);
    results.#tail = await broker.tail({
      stream: names.stream("results"),
      filter: names.result(partitionOf(job, partitions), job),
      fromSeq: 1,
      onMessage: (message) => results.#take(message),
    });
    results.#tail.release(results.#early);
    return results;
  }

  /** The outputs as far as results are at hand, until the job is over. @throws what the outcome rejects with */
  async *inOrder(outcome: Promise<Outcome>): AsyncGenerator<string[]> {
    let over = false;
    const ended = outcome.then(() => {
      over = true;
    });
    for (let next = 0; ; ) {
      const piece = this.#pieces.get(next);
      if (piece !== undefined) {
        const text = await this.#textOf(piece);
        if (text === undefined) return;
        yield splitArray(text);
        next += piece.count;
      } else if (over) return;
      else await Promise.race([ended, this.#news()]);
    }
  }

  async close(): Promise<void> {
    await this.#tail?.stop();
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #take(message: StreamMessage): void {
    for (const part of decodePack(message)) this.#count(part, message.seq);
    if (this.#tail === undefined) this.#early++;
    else this.#tail.release(1);
    this.#wake();
  }

  #count(message: Received, seq: number): void {
    const { from, count, partial, object } = decodeResult(message, this.#specs);
    if (this.#coverage.add(from, count) !== "new") return;
    const piece: Piece = {
      from,
      count,
      seq,
      bytes: message.data.length,
      ...(object === undefined ? {} : { object }),
    };
    this.#pieces.set(from, piece);
    if (object === undefined) this.#cache.add(piece, partial);
  }

  /** Undefined where the result is gone from the stream: the outcome has it then. */
  async #textOf(piece: Piece): Promise<string | undefined> {
    try {
      return await textOfPiece(this.#context, piece);
    } catch (error) {
      if (error instanceof ImpossibleTransition) return undefined;
      throw error;
    } finally {
      this.#pieces.delete(piece.from);
      this.#cache.drop([piece]);
    }
  }
}
