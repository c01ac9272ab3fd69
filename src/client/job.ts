/** A job as the program that handed it in, or found it by its id, holds it. */
import type { JobView } from "../actors/dispatcher/job-verbs.ts";
import { type Receipt, receiptOf } from "../domain/receipt.ts";
import { InvalidOption, MusterError } from "../errors.ts";
import type { Outcome, OutcomeState } from "../protocol/outcome.ts";
import { cancelJob } from "./cancel.ts";
import { resultOf, throwUnlessSucceeded } from "./ended.ts";
import { Latest } from "./latest.ts";
import type { Ground } from "./send.ts";

/** Where a job stands: stored and not yet taken up, waiting for its time, for a worker of its kind, running, or over. */
export type JobState = "accepted" | "delayed" | "waiting" | "running" | OutcomeState;

/** How far a job is. */
export interface JobProgress {
  readonly state: "running" | OutcomeState;
  /** Items that are settled. */
  readonly items: number;
  /** Of these, items that failed for good. */
  readonly failed: number;
  /** Chunks whose results were counted. */
  readonly tasks: number;
  /** Items in all, where that is known. */
  readonly total: number | undefined;
}

/** What a job is made of. */
export interface JobParts {
  id: string;
  /** Resolves once the job is stored, with its number of items where that is known. */
  accepted: Promise<number | undefined>;
  /** The name of the reducer, of a job that this process handed in. */
  reduce: string | undefined;
  signal: AbortSignal | undefined;
}

/**
 * A job. `await` it for its result.
 *
 * It goes on without whoever handed it in: only {@link Job.cancel}, or its signal, ends it early. Its failing is told to
 * those who wait for it, and to nobody else.
 *
 * @example
 * import { range } from "muster";
 *
 * const job = muster.map("double", range(1000), { reduce: "sum" });
 * for await (const { items, total } of job.progress()) console.log(`${items} of ${total}`);
 * console.log(await job); // 999000
 */
export class Job<Output = unknown, Result = unknown> implements Promise<Result> {
  /** By which it is found again, from anywhere: `muster.job(id)`, `muster result ID`. */
  readonly id: string;
  readonly [Symbol.toStringTag] = "Job";
  readonly #ground: Ground;
  readonly #parts: JobParts;
  /** Rejects when the signal aborts. */
  readonly #aborted: Promise<never> | undefined;
  #outcome: Promise<Outcome> | undefined;
  #result: Promise<Result> | undefined;

  /** @internal */
  constructor(ground: Ground, parts: JobParts) {
    this.id = parts.id;
    this.#ground = ground;
    this.#parts = parts;
    // Whoever waits for the job is told; that nobody does must not end the process.
    parts.accepted.catch(() => {});
    this.#aborted = parts.signal && this.#cancelOn(parts.signal);
    this.#aborted?.catch(() => {});
  }

  /** Resolves once the job is stored: from then on it ends in an outcome, whatever dies. @throws what `map` throws */
  async accepted(): Promise<void> {
    await this.#unlessAborted(this.#parts.accepted);
  }

  /** Waits for the job's end, whatever that is: its state, its counts, its times, the items that failed. */
  outcome(): Promise<Outcome> {
    this.#outcome ??= this.#unlessAborted(
      this.#parts.accepted.then(() => this.#ground.client.outcome(this.id)),
    );
    return this.#outcome;
  }

  /**
   * Waits for the job's end, and gives its receipt: what was counted, digests, who took part, speed-up and efficiency.
   *
   * @example
   * const { items, attempts } = await muster.map("double", [1, 2, 3]).receipt();
   * console.log([items, attempts]); // [3, 3]
   */
  async receipt(): Promise<Receipt> {
    return receiptOf(await this.outcome());
  }

  /**
   * Waits for the result: what `await job` does.
   * @throws JobFailed, JobCancelled, JobExpired, the signal's reason, and what kept the job from being handed in
   */
  result(): Promise<Result> {
    this.#result ??= this.outcome().then((outcome) =>
      resultOf(this.#ground.client, outcome),
    ) as Promise<Result>;
    return this.#result;
  }

  /** As of a promise: this is what makes `await job` give the result. */
  // biome-ignore lint/suspicious/noThenProperty: a job is awaited like the promise of its result.
  then<Next = Result, Otherwise = never>(
    onResult?: ((result: Result) => Next | PromiseLike<Next>) | null,
    onError?: ((reason: unknown) => Otherwise | PromiseLike<Otherwise>) | null,
  ): Promise<Next | Otherwise> {
    return this.result().then(onResult, onError);
  }

  /** As of a promise. */
  catch<Otherwise = never>(
    onError?: ((reason: unknown) => Otherwise | PromiseLike<Otherwise>) | null,
  ): Promise<Result | Otherwise> {
    return this.result().catch(onError);
  }

  /** As of a promise. */
  finally(onEnd?: (() => void) | null): Promise<Result> {
    return this.result().finally(onEnd);
  }

  /** Where the job stands. @throws UnknownJob where its id is of no job, RequestFailed where no dispatcher answers */
  async state(): Promise<JobState> {
    await this.#parts.accepted;
    const outcome = await this.#ground.client.peek(this.id);
    if (outcome !== undefined) return outcome.state;
    try {
      return (await this.#ground.client.ask<JobView>("get", { job: this.id })).state as JobState;
    } catch (error) {
      if (this.#isOurs && isUnknownJob(error)) return "accepted";
      throw error;
    }
  }

  /**
   * Cancels the job; resolves once that stands.
   * @throws MusterError with the code `job_already_finished` or `unknown_job`, RequestFailed where no dispatcher answers
   */
  async cancel(): Promise<void> {
    await this.#parts.accepted;
    await cancelJob(this.#ground, this.id, this.#isOurs);
  }

  /**
   * How far the job is, whenever that changes, until it is over; the last value says how it ended. Whoever reads slowly gets
   * the newest value.
   */
  async *progress(): AsyncGenerator<JobProgress, void> {
    const { client } = this.#ground;
    const total = (await this.#unlessAborted(this.#parts.accepted)) ?? (await this.#askTotal());
    const latest = new Latest<JobProgress>();
    const off = client.onProgress(this.id, ({ items, failed, tasks, state }) => {
      if (state === undefined) latest.set({ state: "running", items, failed, tasks, total });
    });
    const over = this.outcome().finally(() => latest.end());
    over.catch(() => {}); // It is awaited below, unless the reader leaves before.
    try {
      yield* latest;
      const { state, counts } = await over;
      yield {
        state,
        items: counts.items,
        failed: counts.failed,
        tasks: counts.tasks,
        total: total ?? counts.items,
      };
    } finally {
      off();
    }
  }

  /**
   * The outputs of a job that collects, one by one while it still runs: in the order of the items, or, with `ordered: false`,
   * as they are made. With `concat` they are the elements of the outputs, in the order of the items. Items that failed for good (with `onError: "continue"`) leave `null` in a `collect`. Whoever reads slowly slows down
   * nobody else, and holds some 16 MiB at most: what is not read yet stays in the broker.
   * @throws InvalidOption where the job reduces its outputs, and as {@link Job.result}
   */
  async *outputs({ ordered = true }: { ordered?: boolean } = {}): AsyncGenerator<Output, void> {
    const { reduce, signal, accepted } = this.#parts;
    if (reduce !== undefined && reduce !== "collect" && reduce !== "concat")
      throw new InvalidOption(
        "reduce",
        `the outputs of this job are reduced ("${reduce}"): there are none to read.`,
      );
    await this.#unlessAborted(accepted);
    const batches = this.#ground.client.outputs(this.id, { ordered, ...(signal && { signal }) });
    const outcome = yield* parsed<Output>(batches);
    throwUnlessSucceeded(outcome);
  }

  /** The number of items of a job that was handed in elsewhere, where a dispatcher knows it. */
  async #askTotal(): Promise<number | undefined> {
    const view = this.#ground.client.ask<JobView>("get", { job: this.id });
    return await view.then(({ total }) => total).catch(() => undefined);
  }

  /** Whether this process handed it in. */
  get #isOurs(): boolean {
    return this.#parts.reduce !== undefined;
  }

  /** Cancels the job when the signal aborts, unless it is over by then; the promise rejects with the signal's reason. */
  #cancelOn(signal: AbortSignal): Promise<never> {
    return new Promise((_, reject) => {
      const onAbort = () => {
        reject(signal.reason);
        // It may be over, or never have been handed in; and whoever waited has left.
        this.#ground.background.run(() => this.cancel().catch(() => {}));
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      const forget = () => signal.removeEventListener("abort", onAbort);
      this.#parts.accepted.then(() => this.outcome()).then(forget, forget);
    });
  }

  #unlessAborted<T>(promise: Promise<T>): Promise<T> {
    return this.#aborted === undefined ? promise : Promise.race([this.#aborted, promise]);
  }
}

async function* parsed<Output>(batches: AsyncGenerator<string[], Outcome>): AsyncGenerator<Output, Outcome> {
  try {
    for (;;) {
      const next = await batches.next();
      if (next.done) return next.value;
      for (const text of next.value) yield JSON.parse(text) as Output;
    }
  } finally {
    await batches.return(undefined as never);
  }
}

function isUnknownJob(error: unknown): boolean {
  return error instanceof MusterError && error.code === "unknown_job";
}
