/** What a caller does: submits jobs, waits for their outcomes, reads results, asks and cancels. */
import type { Broker, StreamMessage } from "../broker/port.ts";
import {
  type ErrorShape,
  InputNotKept,
  MusterError,
  PayloadTooLarge,
  UnknownJob,
  WaitTimedOut,
} from "../errors.ts";
import { type DeadLetter, decodeDeadLetter, type Outcome } from "../protocol/messages.ts";
import { checkToken, HEADER, type JobVerb } from "../protocol/names.ts";
import type { ProgressLine } from "../protocol/progress.ts";
import type { InputRecord } from "../protocol/records/record.ts";
import { shippedLine } from "../protocol/records/shipped.ts";
import { jobOfKey } from "../protocol/submission.ts";
import { timedId } from "../runtime/id.ts";
import { Service } from "../runtime/service.ts";
import { awaitOutcome } from "./await-outcome.ts";
import type { ActorContext } from "./context.ts";
import type { JobView } from "./dispatcher/job-verbs.ts";
import { textOf } from "./json.ts";
import { readOutcome } from "./outcomes.ts";
import { streamOutputs } from "./output-stream.ts";
import { ProgressHub } from "./progress-hub.ts";
import { readThrough } from "./read-through.ts";

/** A job to submit. */
export interface ClientJob {
  kind: string;
  /** The body as the contract has it: a JSON array of items, or an object with `items`, `range`, `object` or `value`. */
  body: string;
  /** Options by name (`reduce`, `chunk`, …); they win over those in the body. */
  options?: Readonly<Record<string, string | number>>;
}

/** A dead letter as the stream holds it. */
export interface DeadLetterView extends DeadLetter {
  /** Its sequence in the stream. */
  seq: number;
  /** When it was stored, in milliseconds since 1970. */
  time: number;
}

type InputBatch = readonly InputRecord[];

/** Records that are shipped through the object store: the JSON texts of items, or bad records. */
export interface ClientRecords {
  kind: string;
  /** One by one or, where they are many, in batches. */
  records: AsyncIterable<InputRecord | InputBatch> | Iterable<InputRecord | InputBatch>;
  options?: Readonly<Record<string, string | number>>;
}

const REQUEST_MS = 5_000;
/** Room for headers beside a body, in bytes. */
const HEADER_ROOM = 4 * 1024;

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
  async submit({ kind, body, options = {} }: ClientJob): Promise<string> {
    const { broker, names, clock, random } = this.#context;
    checkToken("kind", kind);
    const { key } = options;
    const job = key === undefined ? timedId(clock.now(), random) : jobOfKey(String(key));
    const bytes = Buffer.byteLength(body);
    if (bytes > broker.maxPayload - HEADER_ROOM)
      throw new PayloadTooLarge(
        "The job",
        bytes,
        broker.maxPayload,
        'Put its items into the object store ("muster map" does it by itself).',
      );
    await broker.store({
      subject: names.jobs(kind),
      data: body,
      headers: { ...optionHeaders(options), [HEADER.job]: job },
      ...(key === undefined ? {} : { msgId: job }),
    });
    return job;
  }

  /** Ships records through the object store, however many they are, and submits a job that names the object. */
  async submitRecords({ kind, records, options = {} }: ClientRecords): Promise<string> {
    const { broker, names, clock, random } = this.#context;
    checkToken("kind", kind);
    const name = timedId(clock.now(), random);
    const objects = await broker.objects(names.inputs);
    await objects.put(name, inLines(records));
    const body = JSON.stringify({ object: `${names.inputs}/${name}`, format: "shipped" });
    return await this.submit({ kind, body, options });
  }

  /** Hears of a job's progress until the returned function is called. */
  onProgress(job: string, listener: (line: ProgressLine) => void): () => void {
    return this.#hub.on(job, listener);
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
      return await awaitOutcome(this.#context, { hub: this.#hub, job }, AbortSignal.any(signals));
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
    const { names } = this.#context;
    const filter = names.dead("*", job ?? "*");
    const messages = await readThrough(this.#context, { stream: names.stream("dead"), filter });
    return messages.map(letterOf);
  }

  /**
   * Submits the failed items of a job again, as a new job, and removes their dead letters. Letters whose input was too
   * large to keep stay: `kept` of them.
   */
  async redrive(
    job: string,
    options: Readonly<Record<string, string | number>> = {},
  ): Promise<{ job: string; items: number; kept: number }> {
    const letters = await this.deadLetters(job);
    const whole = letters.filter(({ input }) => input !== undefined).sort((a, b) => a.index - b.index);
    const [first] = whole;
    if (first === undefined)
      throw letters.length === 0 ? new UnknownJob(job) : new InputNotKept(job, letters.length);
    const records = whole.map(({ input }) => input ?? "null");
    const again = await this.submitRecords({ kind: first.kind, records, options });
    await this.#removeLetters(whole);
    return { job: again, items: records.length, kept: letters.length - whole.length };
  }

  /** Only these: letters that came meanwhile, or that cannot be submitted again, stay. */
  async #removeLetters(letters: readonly DeadLetterView[]): Promise<void> {
    const { broker, names } = this.#context;
    const stream = names.stream("dead");
    await Promise.all(letters.map(({ seq }) => broker.remove(stream, seq)));
  }
}

function letterOf(message: StreamMessage): DeadLetterView {
  const { seq, time } = message;
  return { ...decodeDeadLetter(message), seq, time };
}

/** `maxAttempts: 5` as the header `Muster-maxAttempts: 5`; header names are read in any case. */
function optionHeaders(options: Readonly<Record<string, string | number>>): Record<string, string> {
  const entries = Object.entries(options).map(([name, value]) => [`Muster-${name}`, String(value)]);
  return Object.fromEntries(entries);
}

/** Characters of records that are shipped at once. */
const SHIPPED_AT_ONCE = 64 * 1024;

async function* inLines(records: ClientRecords["records"]): AsyncIterable<Uint8Array> {
  let text = "";
  for await (const given of records) {
    for (const record of isBatch(given) ? given : [given]) text += `${shippedLine(record)}\n`;
    if (text.length < SHIPPED_AT_ONCE) continue;
    yield Buffer.from(text);
    text = "";
  }
  yield Buffer.from(text);
}

function isBatch(given: InputRecord | InputBatch): given is InputBatch {
  return Array.isArray(given);
}

function answeredError({ code, message, path }: ErrorShape, status: number): MusterError {
  return new MusterError(code, status, message, { path });
}
