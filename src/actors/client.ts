/** What a caller does: submits jobs, waits for their outcomes, reads results, asks and cancels. */
import type { Broker } from "../broker/port.ts";
import { type ErrorShape, MusterError, UnknownJob, WaitTimedOut } from "../errors.ts";
import { HEADER, type JobVerb } from "../protocol/names.ts";
import type { Outcome } from "../protocol/outcome.ts";
import type { ProgressLine } from "../protocol/progress.ts";
import { Service } from "../runtime/service.ts";
import { awaitOutcome } from "./await-outcome.ts";
import type { ActorContext } from "./context.ts";
import { type DeadLetterView, type Redriven, readDeadLetters, redrive } from "./dead-letters.ts";
import type { JobView } from "./dispatcher/job-verbs.ts";
import { textOf } from "./json.ts";
import { readOutcome } from "./outcomes.ts";
import { streamOutputs } from "./output-stream.ts";
import { ProgressHub } from "./progress-hub.ts";
import { type ClientJob, type ClientRecords, submitJob, submitRecords } from "./submit.ts";

const REQUEST_MS = 5_000;

/**
 * Jobs as they travel: bodies and results are JSON texts, or bytes. `Muster` stands on it; `muster.client` is the one below it.
 *
 * @example
 * const job = await muster.client.submit({ kind: "double", body: "[1,2]", options: { reduce: "sum" } });
 * (await muster.client.outcome(job)).body; // "6"
 */
export class Client extends Service {
  readonly #context: ActorContext;
  readonly #hub: ProgressHub;

  /** @internal */
  constructor(context: ActorContext) {
    super();
    this.#context = context;
    this.#hub = new ProgressHub(context);
  }

  protected async onStart(): Promise<void> {
    await this.#hub.start();
    await this.#context.broker.flush();
  }

  protected async onStop(): Promise<void> {
    await this.#hub.stop();
  }

  /**
   * Submits durably; resolves with the job's id once the job is stored.
   * @throws PayloadTooLarge when the body does not fit into a message: see {@link submitRecords}
   */
  async submit(job: ClientJob): Promise<string> {
    return await submitJob(this.#context, job);
  }

  /** Ships records through the object store, however many they are, and submits a job that names the object. */
  async submitRecords(job: ClientRecords): Promise<string> {
    return await submitRecords(this.#context, job);
  }

  /** Hears of a job's progress until the returned function is called; what it hears never goes back. */
  onProgress(job: string, listener: (line: ProgressLine) => void): () => void {
    let items = 0;
    return this.#hub.on(job, (line) => {
      // An aggregator that took the job over counts again from its last checkpoint; one that has not heard of the end counts on.
      if (line.items < items && line.state === undefined) return;
      items = line.state === undefined ? line.items : Number.POSITIVE_INFINITY;
      listener(line);
    });
  }

  /**
   * Waits for a job's outcome.
   * @throws WaitTimedOut after `timeoutMs`; the job goes on
   */
  async outcome(job: string, wait: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<Outcome> {
    const { timeoutMs } = wait;
    const over = new AbortController();
    const timer =
      timeoutMs === undefined
        ? undefined
        : this.#context.clock.after(timeoutMs, () => over.abort(new WaitTimedOut(job, timeoutMs)));
    const signals = [wait.signal, over.signal, this.fetchSignal].filter((signal) => signal !== undefined);
    try {
      return await awaitOutcome(this.#context, { news: this.#hub, job }, AbortSignal.any(signals));
    } finally {
      timer?.cancel();
    }
  }

  /**
   * The outputs of a job that collects, as JSON texts while it still runs, in batches; returns its outcome. They come in item
   * order, or, where `ordered` is false, as they are made. Items that failed for good (with `onError: continue`) leave
   * `null`.
   */
  async *outputs(
    job: string,
    { signal: given, ordered = true }: { signal?: AbortSignal; ordered?: boolean } = {},
  ): AsyncGenerator<string[], Outcome> {
    const done = new AbortController();
    const signal = given === undefined ? done.signal : AbortSignal.any([given, done.signal]);
    const outcome = this.outcome(job, { signal });
    outcome.catch(() => {}); // Nobody may be waiting for it any longer when it is given up.
    const resultBytes = (ended: Outcome) => this.resultBytes(ended);
    try {
      return yield* streamOutputs(this.#context, { job, ordered, outcome, resultBytes });
    } finally {
      done.abort();
    }
  }

  /** The outcome if it stands already. */
  async peek(job: string): Promise<Outcome | undefined> {
    return await readOutcome(this.#context, job);
  }

  /** The bytes of an outcome's body, read from the object store where the result is larger than a message. */
  async *resultBytes(outcome: Outcome): AsyncIterable<Uint8Array> {
    if (outcome.object === undefined) {
      yield Buffer.from(outcome.body);
      return;
    }
    const slash = outcome.object.indexOf("/");
    const objects = await this.#context.broker.objects(outcome.object.slice(0, slash));
    const parts = await objects.get(outcome.object.slice(slash + 1));
    if (parts === undefined) throw new UnknownJob(outcome.job);
    yield* parts;
  }

  /** Asks a dispatcher: `get`, `list`, `result` or `cancel`. @throws the error that it answers, or RequestFailed */
  async ask<T>(verb: JobVerb, body: object): Promise<T> {
    const { names } = this.#context;
    const answer = await this.#context.broker.request(
      { subject: names.jobVerb(verb), data: JSON.stringify(body) },
      { timeoutMs: REQUEST_MS },
    );
    const status = answer.headers[HEADER.serviceErrorCode];
    const value = JSON.parse(textOf(answer)) as T & { error?: ErrorShape };
    if (status !== undefined && value.error !== undefined) throw answeredError(value.error, Number(status));
    return value;
  }

  /** Cancels a job. @throws the error that a dispatcher answers, or RequestFailed where none does */
  async cancel(job: string): Promise<void> {
    await this.ask("cancel", { job });
  }

  /** Jobs that run, and those that ended lately: `limit` of them at most, up to 1000. */
  async list(limit: number): Promise<JobView[]> {
    return (await this.ask<{ jobs: JobView[] }>("list", { limit })).jobs;
  }

  /** The connection, for what is not about jobs. */
  get broker(): Broker {
    return this.#context.broker;
  }

  // ── dead letters ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Dead letters, oldest first; of one job or of all. */
  async deadLetters(job?: string): Promise<DeadLetterView[]> {
    return await readDeadLetters(this.#context, job);
  }

  /**
   * Submits the failed items of a job again, as a new job, and removes their dead letters. Letters whose input was too
   * large to keep stay: `kept` of them.
   * @throws UnknownJob where there is no letter, InputNotKept where no letter has its input
   */
  async redrive(job: string, options: Readonly<Record<string, string | number>> = {}): Promise<Redriven> {
    return await redrive(this.#context, job, options);
  }
}

function answeredError({ code, message, path }: ErrorShape, status: number): MusterError {
  return new MusterError(code, status, message, { path });
}
