/** Ending a job: one outcome, ever, and everyone told. Dispatchers, workers and aggregators all end jobs this way. */
import type { StreamMessage } from "../broker/port.ts";
import {
  JobCancelled,
  JobExpired,
  MusterError,
  messageOf,
  OutputRefused,
  PayloadTooLarge,
  WriteConflict,
  WriteUnknown,
} from "../errors.ts";
import { BINARY_TYPE, bytesOfResult } from "../protocol/binary.ts";
import type { Failure } from "../protocol/failure.ts";
import type { Encoded } from "../protocol/messages.ts";
import { HEADER } from "../protocol/names.ts";
import {
  decodeOutcome,
  encodeOutcome,
  errorBody,
  type Outcome,
  type OutcomeCounts,
  type OutcomeState,
} from "../protocol/outcome.ts";
import { type OutputTo, outputText } from "../protocol/output.ts";
import { encodeProgress } from "../protocol/progress.ts";
import type { ReceiptHead } from "../protocol/receipt.ts";
import type { ReplyTo } from "../protocol/spec.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { sleep } from "../runtime/clock.ts";
import type { ActorContext } from "./context.ts";

/** Room that an outcome's headers take beside its body, in bytes. */
const HEADER_ROOM = 16 * 1024;
const RETRY = { base: 100, max: 5_000 };

/** The result of a job on its way into the outcome: text, or text that comes in parts, of so many bytes at most. */
export type ResultText = string | { bytes: number; parts: AsyncIterable<Uint8Array> };

export interface Ending {
  job: string;
  kind: string;
  state: OutcomeState;
  counts: OutcomeCounts;
  submitted: number;
  started?: number | undefined;
  /** The job's result; for all states but `succeeded` the error's body stands in its place. */
  result?: ResultText;
  error?: MusterError;
  failures?: readonly Failure[];
  receipt?: ReceiptHead | undefined;
  reply: ReplyTo | undefined;
  /** Where the result goes, if not into the outcome or the outputs bucket. */
  output?: OutputTo | undefined;
}

export const NO_COUNTS: OutcomeCounts = { items: 0, failed: 0, tasks: 0, duplicates: 0, handlerMs: 0 };

/**
 * Writes the job's outcome unless it has one, and tells whoever waits. Returns the outcome that stands, which may be
 * another's. Goes on trying while the broker is away, until `signal` aborts.
 */
export async function endJob(context: ActorContext, ending: Ending, signal: AbortSignal): Promise<Outcome> {
  const outcome = await withBody(context, ending).catch((error) =>
    withBody(context, withoutOutput(ending, error)),
  );
  const encoded = encodeOutcome(outcome);
  const stored = await commit(context, outcome, encoded, signal);
  const stands = stored.mine ? outcome : stored.outcome;
  if (!stored.mine && outcome.object !== undefined && ending.output === undefined)
    await dropObject(context, outcome.object);
  announce(context, stands);
  if (ending.reply !== undefined)
    replyOutcome(context, ending.reply, stands, stored.mine ? encoded : undefined);
  if (stored.mine) emitFinished(context, stands);
  return stands;
}

/**
 * A job whose place for the result refuses it: better it fails than it holds up its neighbours by trying for ever.
 * @throws the error itself where the place is muster's own, or the broker only away
 */
function withoutOutput(ending: Ending, error: unknown): Ending {
  const { output } = ending;
  const isAway = error instanceof MusterError && AWAY.has(error.status);
  if (output?.type !== "object" || isAway) throw error;
  const refused = new OutputRefused(outputText(output), messageOf(error), { cause: error });
  return { ...ending, state: "failed", error: refused, output: undefined };
}

/** Statuses of errors that pass by themselves. */
const AWAY = new Set([503, 504]);

/** The outcome of a job, if it has one. */
export async function readOutcome(context: ActorContext, job: string): Promise<Outcome | undefined> {
  const { broker, names } = context;
  const message = await broker.last(names.stream("outcomes"), names.outcome(job));
  return message === undefined ? undefined : decodeOutcome(message);
}

/** Answers a caller with an outcome: one message, and for a watcher the empty message that ends it. */
export function replyOutcome(
  { broker }: ActorContext,
  reply: ReplyTo,
  outcome: Outcome,
  { headers, data } = encodeOutcome(outcome),
): void {
  const bytes = reply.binary === true ? bytesOfResult(outcome.body) : undefined;
  if (bytes === undefined) broker.publish({ subject: reply.subject, headers, data });
  else broker.publish({ subject: reply.subject, headers: { ...headers, ...BINARY }, data: bytes });
  if (reply.mode === "watch") broker.publish({ subject: reply.subject });
}

const BINARY = { [HEADER.contentType]: BINARY_TYPE };

/** Tells dispatchers, so that they acknowledge the job and stop releasing its tasks. */
function announce({ broker, names }: ActorContext, { job, state, counts }: Outcome): void {
  const { tasks, items, handlerMs, failed } = counts;
  const line = { job, tasks, items, handlerMs, bytes: 0, failed, state };
  broker.publish({ subject: names.control("progress"), data: encodeProgress([line]) });
}

function emitFinished({ events }: ActorContext, outcome: Outcome): void {
  const { job, kind, state, counts, times } = outcome;
  const ms = times.finished - times.submitted;
  events.emit("job.finished", { job, kind, state, items: counts.items, failed: counts.failed, ms });
}

async function withBody(context: ActorContext, ending: Ending): Promise<Outcome> {
  const { job, kind, state, counts, submitted, started, error, receipt, failures = [] } = ending;
  const shape = error === undefined ? undefined : { ...error.toShape(), status: error.status };
  const text = shape === undefined ? (ending.result ?? "null") : errorText(error, failures);
  const output = shape === undefined ? ending.output : undefined;
  const { body, object } = await placed(context, { job, output }, text);
  const times: Outcome["times"] = { submitted, finished: context.clock.now() };
  const outcome: Outcome = { job, kind, state, counts, times, body, failures };
  // Spread in, absent members cost more than all the rest.
  if (started !== undefined) times.started = started;
  if (object !== undefined) outcome.object = object;
  if (shape !== undefined) outcome.error = shape;
  if (receipt !== undefined) outcome.receipt = receipt;
  return outcome;
}

function errorText(error: MusterError | undefined, failures: readonly Failure[]): string {
  return error === undefined ? "null" : errorBody(error.toShape(), failures);
}

/** Puts a result where the job wants it, and one that is larger than a message into the outputs bucket. */
async function placed(
  context: ActorContext,
  { job, output }: Pick<Ending, "job" | "output">,
  text: ResultText,
): Promise<Pick<Outcome, "body" | "object">> {
  if (output?.type === "object") return await putObject(context, output, text);
  const bytes = typeof text === "string" ? Buffer.byteLength(text) : text.bytes;
  if (bytes <= context.broker.maxPayload - HEADER_ROOM) return { body: await whole(text) };
  const { names, random } = context;
  // A name of its own for each try: of two aggregators that both write, the loser removes only its own object.
  const name = `${job}-${Math.floor(random() * 2 ** 40).toString(36)}`;
  return await putObject(context, { bucket: names.outputs, name }, text);
}

async function putObject(
  { broker }: ActorContext,
  { bucket, name }: { bucket: string; name: string },
  text: ResultText,
): Promise<Pick<Outcome, "body" | "object">> {
  const objects = await broker.objects(bucket);
  const size = await objects.put(name, typeof text === "string" ? [Buffer.from(text)] : text.parts);
  const object = `${bucket}/${name}`;
  return { body: JSON.stringify({ object, bytes: size }), object };
}

async function whole(text: ResultText): Promise<string> {
  if (typeof text === "string") return text;
  const parts: Uint8Array[] = [];
  for await (const part of text.parts) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

async function dropObject({ broker, names }: ActorContext, object: string): Promise<void> {
  const objects = await broker.objects(names.outputs);
  await objects.remove(object.slice(names.outputs.length + 1)).catch(() => {}); // Its time to live removes it too.
}

type Committed = { mine: true } | { mine: false; outcome: Outcome };

async function commit(
  context: ActorContext,
  outcome: Outcome,
  encoded: Encoded,
  signal: AbortSignal,
): Promise<Committed> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryCommit(context, outcome.job, encoded);
    } catch (error) {
      if (error instanceof PayloadTooLarge || signal.aborted) throw error;
      context.events.emit("broker.trouble", { what: `outcome of ${outcome.job}`, reason: String(error) });
      await sleep(context.clock, backoffMs(RETRY, attempt, context.random), signal);
    }
  }
}

async function tryCommit(context: ActorContext, job: string, { headers, data }: Encoded): Promise<Committed> {
  const { broker, names, topology } = context;
  const subject = names.outcome(job);
  const ttlSeconds = Math.max(1, Math.round(topology.outcomeTtlMs / 1000));
  try {
    await broker.store({ subject, headers, data, expectLast: 0, ttlSeconds });
    return { mine: true };
  } catch (error) {
    if (!(error instanceof WriteConflict || error instanceof WriteUnknown)) throw error;
    const standing = await broker.last(names.stream("outcomes"), subject);
    if (standing === undefined) throw error;
    return { mine: isSame(standing, headers), outcome: decodeOutcome(standing) };
  }
}

/** Whether a write whose answer was lost is the one that stands; ours carries the very times that we wrote. */
function isSame(standing: StreamMessage, headers: Readonly<Record<string, string>>): boolean {
  return Object.entries(headers).every(([name, value]) => standing.headers[name] === value);
}

/** The ending of a job that was cancelled or whose deadline passed. */
export function cutShort(state: "cancelled" | "expired", job: string, deadline = 0): MusterError {
  return state === "cancelled"
    ? new JobCancelled(job)
    : new JobExpired(job, new Date(deadline).toISOString());
}
