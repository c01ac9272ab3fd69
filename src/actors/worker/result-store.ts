/**
 * Stores results. While one of a job is on its way, the next ones of that job wait and then go together, in one message:
 * the faster the tasks, the more of them share what a message costs, and a lone result never waits.
 */
import type { StoreMessage } from "../../broker/port.ts";
import { compressed } from "../../protocol/compression.ts";
import { encodeResult, type Result } from "../../protocol/messages.ts";
import { partitionOf } from "../../protocol/names.ts";
import { encodePack, isPackable, type PackedResult } from "../../protocol/pack.ts";
import type { ActorContext } from "../context.ts";
import { storeSurely } from "../store-surely.ts";

/** Room that a result's headers take beside its body, in bytes. */
export const HEADER_ROOM = 8 * 1024;
/** Results in one message at most. */
const MOST_RESULTS = 256;
/** Bytes of results in one message at most; larger ones gain nothing from company, and go at once. */
const MOST_BYTES = 64 * 1024;
/** Bytes of a result in company beside its partial, generously. */
const NUMBERS_BYTES = 128;

/** Results of a job that go together, once it is their turn. */
class Company {
  readonly results: PackedResult[] = [];
  bytes = 0;
  /** Settles as their message does. */
  readonly stored: Promise<void>;
  #leave: () => void = () => {};

  constructor(put: (results: readonly PackedResult[]) => Promise<void>) {
    const isTheirTurn = new Promise<void>((resolve) => {
      this.#leave = resolve;
    });
    this.stored = isTheirTurn.then(() => put(this.results));
  }

  /** Whether a result of so many bytes has room here, and says the same of its job as the others do. */
  fits({ spec }: Result, bytes: number, mostBytes: number): boolean {
    const { length } = this.results;
    if (length === MOST_RESULTS || this.bytes + bytes > mostBytes) return false;
    return length === 0 || this.results[0]?.spec.total === spec.total;
  }

  add(result: PackedResult, bytes: number): Promise<void> {
    this.results.push(result);
    this.bytes += bytes;
    return this.stored;
  }

  /** It is their turn; resolves when that is over, however it ends. */
  leave(): Promise<void> {
    this.#leave();
    return this.stored.catch(() => {}); // Whoever has a result stored hears of it.
  }
}

export class ResultStore {
  readonly #context: ActorContext;
  /** What waits behind a message that is on its way, by job. */
  readonly #behind = new Map<string, Company[]>();

  constructor(context: ActorContext) {
    this.#context = context;
  }

  /**
   * Stores a result, surely: a second copy does no harm.
   * @param specText the job's spec as the task carried it
   * @throws what waiting cannot mend, or the signal's reason when it aborts; all results of a job have the same signal
   */
  store(result: Result, specText: string | undefined, signal: AbortSignal): Promise<void> {
    const bytes = Buffer.byteLength(result.partial) + NUMBERS_BYTES;
    if (bytes >= this.#mostBytes || !isPackable(result)) return this.#put(result, specText, signal);
    const { job } = result.spec;
    const behind = this.#behind.get(job);
    if (behind === undefined) {
      const first = this.#company(specText, signal);
      void this.#sendAll(job, [first]);
      return first.add(result, bytes);
    }
    const last = behind.at(-1);
    if (last?.fits(result, bytes, this.#mostBytes)) return last.add(result, bytes);
    const next = this.#company(specText, signal);
    behind.push(next);
    return next.add(result, bytes);
  }

  get #mostBytes(): number {
    return Math.min(MOST_BYTES, this.#context.broker.maxPayload - HEADER_ROOM);
  }

  #company(specText: string | undefined, signal: AbortSignal): Company {
    return new Company((results) => this.#putTogether(results, specText, signal));
  }

  /** Sends what waits, one message after the other, and what comes meanwhile. */
  async #sendAll(job: string, waiting: Company[]): Promise<void> {
    this.#behind.set(job, waiting);
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next.leave();
    this.#behind.delete(job);
  }

  #putTogether(
    results: readonly PackedResult[],
    specText: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const [first] = results as readonly [PackedResult];
    if (results.length === 1) return this.#put(first, specText, signal);
    return this.#send({ subject: subjectOf(this.#context, first), ...encodePack(results, specText) }, signal);
  }

  #put(result: Result, specText: string | undefined, signal: AbortSignal): Promise<void> {
    return this.#send(
      { subject: subjectOf(this.#context, result), ...encodeResult(result, specText) },
      signal,
    );
  }

  #send(message: StoreMessage, signal: AbortSignal): Promise<void> {
    return storeSurely(this.#context, compressed(message, this.#context.compression), signal);
  }
}

/** Where a result goes. */
export function subjectOf({ names, partitions }: ActorContext, { spec }: Result): string {
  return names.result(partitionOf(spec.job, partitions), spec.job);
}
