/**
 * The outputs of a job while it still runs: its results are read as they come, those that wait to be taken are remembered by
 * their place only, and what is gone from the stream is taken from the outcome.
 */
import type { StreamMessage, Tail } from "../broker/port.ts";
import { Coverage } from "../domain/coverage.ts";
import type { Piece } from "../domain/gather.ts";
import { ImpossibleTransition, InvalidOption } from "../errors.ts";
import { splitArray } from "../protocol/json.ts";
import { partitionOf } from "../protocol/names.ts";
import type { Outcome } from "../protocol/outcome.ts";
import { type ResultArrival, resultsIn } from "../protocol/pack.ts";
import type { Bytes } from "../protocol/records/bytes.ts";
import { elementTexts } from "../protocol/records/json-array.ts";
import { type ItemRange, SpecDecoder } from "../protocol/spec.ts";
import { PieceCache, textOfPiece } from "./aggregator/assemble.ts";
import type { ActorContext } from "./context.ts";

/** Bytes of results that are kept until they are taken; beyond, they are read from the stream once more. */
const KEPT_BYTES = 16 * 1024 * 1024;

/** Results that may wait to be taken before no more are read, unless none of them is the one whose turn it is. */
const MAX_WAITING = 1_024;

export interface StreamedJob {
  job: string;
  /** In item order, or as they come. */
  ordered: boolean;
  /** Settles when the job is over. */
  outcome: Promise<Outcome>;
  /** The bytes of a succeeded outcome's result. */
  resultBytes(outcome: Outcome): Bytes;
}

/**
 * The outputs of a job that collects, or the elements of those of one that concatenates, as JSON texts, in batches; returns
 * the outcome. Never reads faster than its outputs are taken by more than {@link KEPT_BYTES}.
 * @throws InvalidOption where the job's reducer leaves no outputs to read, or none in the order that was asked for
 */
export async function* streamOutputs(
  context: ActorContext,
  { job, ordered, outcome, resultBytes }: StreamedJob,
): AsyncGenerator<string[], Outcome> {
  const results = await Results.read(context, { job, ordered });
  const items = new Coverage();
  let elements = 0;
  try {
    for await (const { from, count, texts } of results.untilOver(outcome)) {
      yield texts;
      items.add(from, count);
      elements += texts.length;
    }
  } finally {
    await results.close();
  }
  const ended = await outcome;
  if (ended.state !== "succeeded") return ended;
  // Of a concatenation that is read in order it is known how many elements were taken, but not of which items.
  const isTaken = results.isFlat ? (at: number) => at < elements : (at: number) => items.has(at);
  yield* missing(isTaken, elementTexts(arrayBytes(resultBytes(ended))));
  return ended;
}

const OPENING_BRACKET = "[".charCodeAt(0);

/** The bytes of an array. @throws InvalidOption where the result is anything else: it was reduced */
async function* arrayBytes(bytes: Bytes): AsyncIterable<Uint8Array> {
  let isFirst = true;
  for await (const part of bytes) {
    if (isFirst && part[0] !== OPENING_BRACKET)
      throw new InvalidOption("reduce", "the job's outputs were reduced: read its result instead.");
    isFirst = false;
    yield part;
  }
}

/** The elements that were not taken yet. */
async function* missing(
  isTaken: (at: number) => boolean,
  batches: AsyncIterable<string[]>,
): AsyncIterable<string[]> {
  let from = 0;
  for await (const batch of batches) {
    const left = batch.filter((_, at) => !isTaken(from + at));
    from += batch.length;
    if (left.length > 0) yield left;
  }
}

/** Outputs of consecutive items, or the elements of them. */
interface Run extends ItemRange {
  texts: string[];
}

/** The results of one job, counted as its aggregator counts them. */
class Results {
  readonly #context: ActorContext;
  readonly #ordered: boolean;
  /** Outputs are arrays, of which the elements are taken. */
  isFlat = false;
  readonly #specs = new SpecDecoder(1);
  readonly #coverage = new Coverage();
  /** Those that were not taken yet, by their first item, in the order in which they came. */
  readonly #pieces = new Map<number, Piece>();
  readonly #cache = new PieceCache(KEPT_BYTES);
  #tail: Tail | undefined;
  /** Messages that were delivered, and that the tail has not been told to forget. */
  #unreleased = 0;
  #isStarved = true;
  #fault: InvalidOption | undefined;
  #wake: () => void = () => {};

  private constructor(context: ActorContext, ordered: boolean) {
    this.#context = context;
    this.#ordered = ordered;
  }

  static async read(
    context: ActorContext,
    { job, ordered }: Pick<StreamedJob, "job" | "ordered">,
  ): Promise<Results> {
    const { broker, names, partitions } = context;
    const results = new Results(context, ordered);
    results.#tail = await broker.tail({
      stream: names.stream("results"),
      filter: names.result(partitionOf(job, partitions), job),
      fromSeq: 1,
      onMessage: (message) => results.#take(message),
    });
    results.#release();
    return results;
  }

  /** The outputs as far as results are at hand, until the job is over. @throws what the outcome rejects with */
  async *untilOver(outcome: Promise<Outcome>): AsyncGenerator<Run> {
    const ordered = this.#ordered;
    let over = false;
    const ended = outcome.then(() => {
      over = true;
    });
    for (let next = 0; ; ) {
      if (this.#fault !== undefined) throw this.#fault;
      const piece = ordered ? this.#pieces.get(next) : first(this.#pieces.values());
      if (piece !== undefined) {
        const text = await this.#textOf(piece);
        const { from, count } = piece;
        if (text !== undefined) yield { from, count, texts: this.#outputsIn(text) };
        else if (ordered) return;
        next += piece.count;
      } else if (over) return;
      else await Promise.race([ended, this.#news()]);
    }
  }

  async close(): Promise<void> {
    await this.#tail?.stop();
  }

  /** Resolves when another result comes: none of those at hand is wanted. */
  #news(): Promise<void> {
    this.#isStarved = true;
    this.#release();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #take(message: StreamMessage): void {
    this.#unreleased++;
    this.#isStarved = false;
    for (const arrival of resultsIn(message, this.#specs, this.#context.broker.maxPayload))
      this.#keep(arrival, message.seq);
    this.#release();
    this.#wake();
  }

  #keep({ result, bytes }: ResultArrival, seq: number): void {
    const { spec, from, count, partial, object } = result;
    const { name } = spec.reduce;
    this.isFlat = name === "concat";
    if (name !== "collect" && !this.isFlat) this.#fault = new InvalidOption("reduce", noOutputs(name));
    if (this.isFlat && !this.#ordered) this.#fault = new InvalidOption("reduce", UNORDERED);
    if (this.#coverage.add(from, count) !== "new") return;
    const place = { from, count, seq, bytes };
    const piece: Piece = object === undefined ? place : { ...place, object };
    this.#pieces.set(from, piece);
    if (object === undefined) this.#cache.add(piece, partial);
  }

  /** @throws InvalidOption where the outputs are texts, whose pieces mean nothing by themselves */
  #outputsIn(partial: string): string[] {
    if (!this.isFlat) return splitArray(partial);
    if (partial.startsWith('"')) throw new InvalidOption("reduce", JOINED);
    return partial === "null" ? [] : splitArray(partial);
  }

  /** Lets more come, unless enough of what came waits to be taken. */
  #release(): void {
    if (this.#tail === undefined || this.#unreleased === 0) return;
    if (this.#pieces.size >= MAX_WAITING && !this.#isStarved) return;
    this.#tail.release(this.#unreleased);
    this.#unreleased = 0;
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
      this.#release();
    }
  }
}

function first<T>(values: Iterable<T>): T | undefined {
  for (const value of values) return value;
  return undefined;
}

function noOutputs(reducer: string): string {
  return `outputs are read one by one of jobs with collect or concat: "${reducer}" reduces them, read its result instead.`;
}

const UNORDERED = 'the elements of "concat" are read in the order of the items only.';
const JOINED = 'the outputs are strings, which "concat" joins into one: read the result instead.';
