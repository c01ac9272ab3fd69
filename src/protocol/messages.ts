/** Tasks, results, outcomes and dead letters, as messages and back. */
import { type ErrorShape, InvalidBody } from "../errors.ts";
import { type InvalidItem, splitInvalid, withInvalid } from "./invalid-items.ts";
import { findMember } from "./json.ts";
import { HEADER } from "./names.ts";
import {
  decodeReceipt,
  decodeTally,
  encodeReceipt,
  encodeTally,
  type ReceiptHead,
  type Tally,
} from "./receipt.ts";
import {
  decodeItems,
  encodeItems,
  encodeSpec,
  type ItemRange,
  type JobSpec,
  type SpecDecoder,
} from "./spec.ts";

/** Field names are headers as NATS shows them. */
export type Fields = Readonly<Record<string, string>>;

export interface Encoded {
  headers: Record<string, string>;
  data: string | Uint8Array;
}

/** A received message, as far as decoding needs it. */
export interface Received {
  readonly subject: string;
  readonly headers: Fields;
  readonly data: Uint8Array;
}

// ── tasks ──────────────────────────────────────────────────────────────────────────────────────────────────────

export interface TaskItems {
  /** JSON array of the items; empty for ranges. */
  readonly items: Uint8Array | string;
  /** Those of the items that fail without being run. */
  readonly invalid?: readonly InvalidItem[];
}

export interface Task extends ItemRange, TaskItems {
  readonly spec: JobSpec;
  /** The spec as it came, so that the result can carry it on without encoding it again. */
  readonly specText?: string;
}

export function encodeTask(task: Task, specText = encodeSpec(task.spec)): Encoded {
  const { items, invalid = [] } = task;
  const headers = { [HEADER.items]: encodeItems(task, task.spec.total), [HEADER.spec]: specText };
  if (invalid.length === 0) return { headers, data: items };
  return {
    headers: { ...headers, [HEADER.invalid]: String(invalid.length) },
    data: withInvalid(invalid, items),
  };
}

/** @throws InvalidBody when the message is not a task */
export function decodeTask(message: Received, specs: SpecDecoder): Task {
  const specText = message.headers[HEADER.spec];
  const spec = specs.decode(specText);
  const { from, count, total } = decodeItems(message.headers[HEADER.items]);
  const hasInvalid = message.headers[HEADER.invalid] !== undefined;
  const body = hasInvalid ? splitInvalid(message.data) : { items: message.data };
  const task = { spec: withTotal(spec, total), from, count, ...body };
  return specText === undefined ? task : { ...task, specText };
}

function withTotal(spec: JobSpec, total: number | undefined): JobSpec {
  return total === undefined || spec.total === total ? spec : { ...spec, total };
}

// ── results ────────────────────────────────────────────────────────────────────────────────────────────────────

/** An item that failed for good. */
export interface Failure {
  /** Its number in the job. */
  readonly index: number;
  readonly code: string;
  readonly message: string;
  readonly attempts: number;
}

export interface Result extends ItemRange {
  readonly spec: JobSpec;
  /** The chunk's outputs, reduced: JSON text as the reducer encodes its state. Empty when `object` holds it. */
  readonly partial: string;
  /** Name of the object in the outputs bucket that holds the partial, where it is larger than a message. */
  readonly object?: string;
  /** The items that failed for good; on the way to the aggregator the first few of them. */
  readonly failures: readonly Failure[];
  /** How many failed for good, where `failures` need not name them all. */
  readonly failed?: number;
  readonly handlerMs: number;
  readonly worker: string;
  /** For the job's receipt, which does not add up without it. */
  readonly tally?: Tally;
}

/** Failed items that an outcome names; all of them are dead letters. */
export const MAX_NAMED_FAILURES = 20;
/** Bytes that failures may take in a result or in a header, the first one apart. */
const MAX_FAILURE_BYTES = 4 * 1024;
/** Characters kept of a failure's message in a result; its dead letter has them all. */
const MAX_RESULT_MESSAGE = 1_000;
/** The same in an outcome's header. */
const MAX_HEADER_MESSAGE = 200;

export function encodeResult(result: Result, specText = encodeSpec(result.spec)): Encoded {
  const headers: Record<string, string> = {
    [HEADER.items]: encodeItems(result, result.spec.total),
    [HEADER.spec]: specText,
    [HEADER.handlerMs]: result.handlerMs.toFixed(3),
    [HEADER.worker]: result.worker,
  };
  if (result.tally !== undefined) headers[HEADER.tally] = encodeTally(result.tally);
  if (result.object !== undefined) headers[HEADER.object] = result.object;
  if (result.failures.length === 0) return { headers, data: result.partial };
  headers[HEADER.failed] = String(result.failed ?? result.failures.length);
  const named = jsonOfFirst(result.failures, MAX_RESULT_MESSAGE, JSON.stringify);
  return { headers, data: `${named}\n${result.partial}` };
}

/** A JSON array of the first few: a chunk may have thousands of failed items, but a message has its limit. */
function jsonOfFirst(
  failures: readonly Failure[],
  characters: number,
  write: (failure: Failure) => string,
): string {
  const named: string[] = [];
  let bytes = 0;
  for (const failure of failures.slice(0, MAX_NAMED_FAILURES)) {
    const text = write({ ...failure, message: failure.message.slice(0, characters) });
    bytes += Buffer.byteLength(text);
    if (named.length > 0 && bytes > MAX_FAILURE_BYTES) break;
    named.push(text);
  }
  return `[${named.join(",")}]`;
}

/** @throws InvalidBody when the message is not a result */
export function decodeResult(message: Received, specs: SpecDecoder): Result {
  const spec = specs.decode(message.headers[HEADER.spec]);
  const { from, count, total } = decodeItems(message.headers[HEADER.items]);
  const text = Buffer.from(message.data.buffer, message.data.byteOffset, message.data.length).toString(
    "utf8",
  );
  const object = message.headers[HEADER.object];
  const tally = decodeTally(message.headers[HEADER.tally]);
  return {
    spec: withTotal(spec, total),
    from,
    count,
    ...splitBody(text, { from, count }, message.headers[HEADER.failed]),
    ...(object === undefined ? {} : { object }),
    handlerMs: amountOf(message.headers[HEADER.handlerMs]),
    worker: message.headers[HEADER.worker] ?? "",
    ...(tally === undefined ? {} : { tally }),
  };
}

type FailuresAndPartial = Pick<Result, "failures" | "failed" | "partial">;

/** With failures the first line is their JSON array (which has no line break), the rest is the partial. */
function splitBody(text: string, range: ItemRange, header: string | undefined): FailuresAndPartial {
  if (header === undefined) return { failures: [], partial: text };
  const failed = Number(header);
  const end = text.indexOf("\n");
  const failures = parseFailures(text.slice(0, Math.max(0, end)));
  const isRight =
    Number.isSafeInteger(failed) &&
    failures.length >= 1 &&
    failures.length <= failed &&
    failed <= range.count &&
    failures.every(({ index }) => index >= range.from && index < range.from + range.count);
  if (!isRight) throw new InvalidBody("The result's failures cannot be read.", { path: HEADER.failed });
  return { failures, failed, partial: text.slice(end + 1) };
}

/** The failures of a JSON array; none where it is anything else. */
function parseFailures(text: string): Failure[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every(isFailure) ? value : [];
  } catch {
    return [];
  }
}

export function isFailure(value: unknown): value is Failure {
  if (typeof value !== "object" || value === null) return false;
  const { index, code, message, attempts } = value as Partial<Failure>;
  return (
    Number.isSafeInteger(index) &&
    typeof code === "string" &&
    typeof message === "string" &&
    Number.isSafeInteger(attempts)
  );
}

/** The number in a header of ours; 0 where it is anything else, as a wrong sum is better than none. */
function amountOf(header: string | undefined): number {
  const amount = Number(header ?? 0);
  return Number.isFinite(amount) && amount > 0 ? amount : 0;
}

// ── outcomes ───────────────────────────────────────────────────────────────────────────────────────────────────

export const OUTCOME_STATES = ["succeeded", "failed", "cancelled", "expired"] as const;
/** How a job ended. */
export type OutcomeState = (typeof OUTCOME_STATES)[number];

/** What a job came to, in numbers. */
export interface OutcomeCounts {
  /** Items of the job that were settled. */
  items: number;
  /** Of these, items that failed for good. */
  failed: number;
  /** Tasks whose results were counted. */
  tasks: number;
  /** Results that came again and were not counted. */
  duplicates: number;
  /** Handler time of all counted tasks, in milliseconds. */
  handlerMs: number;
}

/** When a job was what, in milliseconds since 1970. */
export interface OutcomeTimes {
  submitted: number;
  /** When the first result came. */
  started?: number;
  finished: number;
}

/** How a job ended: what stands in the stream of outcomes, once and for all. */
export interface Outcome {
  job: string;
  kind: string;
  state: OutcomeState;
  counts: OutcomeCounts;
  times: OutcomeTimes;
  /** The result as JSON text, or the error's body. Empty when `object` holds it. */
  body: string;
  /** `BUCKET/NAME` of a result that is larger than a message. */
  object?: string;
  error?: ErrorShape & { status: number };
  /** The first failed items. */
  failures: readonly Failure[];
  /** Undefined where the job ended before any result was counted, or by another's hand than the one that counts. */
  receipt?: ReceiptHead;
}

export function encodeOutcome(outcome: Outcome): Encoded {
  const { counts, times, error, object, receipt } = outcome;
  const headers: Record<string, string> = {
    [HEADER.job]: outcome.job,
    [HEADER.state]: outcome.state,
    [HEADER.kind]: outcome.kind,
    [HEADER.items]: String(counts.items),
    [HEADER.failed]: String(counts.failed),
    [HEADER.tasks]: String(counts.tasks),
    [HEADER.duplicates]: String(counts.duplicates),
    [HEADER.handlerTotalMs]: counts.handlerMs.toFixed(3),
    [HEADER.submitted]: new Date(times.submitted).toISOString(),
    [HEADER.finished]: new Date(times.finished).toISOString(),
  };
  if (times.started !== undefined) headers[HEADER.started] = new Date(times.started).toISOString();
  if (object !== undefined) headers[HEADER.object] = object;
  if (receipt !== undefined) headers[HEADER.receipt] = encodeReceipt(receipt);
  if (outcome.failures.length > 0) headers[HEADER.errors] = headerJson(outcome.failures);
  if (error !== undefined) {
    headers[HEADER.serviceError] = oneLine(error.message);
    headers[HEADER.serviceErrorCode] = String(error.status);
  }
  return { headers, data: outcome.body };
}

/**
 * A sentence that can stand in a header: on one line, without what a terminal would act on, and such that it comes back
 * as it was sent, for which no space may stand at its ends and no half of a surrogate pair in it.
 */
export function oneLine(text: string): string {
  const line = text.replace(/[\s\p{Cc}\p{Cs}]+/gu, " ").slice(0, 500);
  return line.replace(/\p{Cs}$/u, "").trim();
}

/** JSON that can stand in a header: on one line, in ASCII (other characters escaped). */
function headerJson(failures: readonly Failure[]): string {
  return jsonOfFirst(failures, MAX_HEADER_MESSAGE, (failure) => toAscii(JSON.stringify(failure)));
}

function toAscii(json: string): string {
  return json.replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Reads an outcome; `message` is what the stream holds. */
export function decodeOutcome(message: Received): Outcome {
  const { headers } = message;
  const body = new TextDecoder().decode(message.data);
  const object = headers[HEADER.object];
  const started = headers[HEADER.started];
  const status = headers[HEADER.serviceErrorCode];
  const receipt = decodeReceipt(headers[HEADER.receipt]);
  return {
    job: headers[HEADER.job] ?? message.subject.slice(message.subject.lastIndexOf(".") + 1),
    kind: headers[HEADER.kind] ?? "",
    state: OUTCOME_STATES.find((known) => known === headers[HEADER.state]) ?? "failed",
    counts: {
      items: amountOf(headers[HEADER.items]),
      failed: amountOf(headers[HEADER.failed]),
      tasks: amountOf(headers[HEADER.tasks]),
      duplicates: amountOf(headers[HEADER.duplicates]),
      handlerMs: amountOf(headers[HEADER.handlerTotalMs]),
    },
    times: {
      submitted: timeOf(headers[HEADER.submitted]),
      ...(started === undefined ? {} : { started: timeOf(started) }),
      finished: timeOf(headers[HEADER.finished]),
    },
    body,
    ...(object === undefined ? {} : { object }),
    ...(status === undefined
      ? {}
      : { error: errorOf(body, amountOf(status), headers[HEADER.serviceError] ?? "") }),
    failures: parseFailures(headers[HEADER.errors] ?? "[]"),
    ...(receipt === undefined ? {} : { receipt }),
  };
}

function timeOf(header: string | undefined): number {
  return Date.parse(header ?? "") || 0;
}

function errorOf(body: string, status: number, sentence: string): ErrorShape & { status: number } {
  const fallback = { code: "unexpected", message: sentence, status };
  try {
    const { error } = JSON.parse(body) as { error?: ErrorShape };
    if (typeof error?.code !== "string" || typeof error.message !== "string") return fallback;
    const { code, message, path } = error;
    return typeof path === "string" ? { code, message, path, status } : { code, message, status };
  } catch {
    return fallback;
  }
}

/** The body of an error, as every reply and failed outcome carries it. */
export function errorBody(error: ErrorShape, items: readonly Failure[] = []): string {
  return JSON.stringify({ error: items.length === 0 ? error : { ...error, items } });
}

// ── dead letters ───────────────────────────────────────────────────────────────────────────────────────────────

export interface DeadLetter extends Failure {
  readonly job: string;
  readonly kind: string;
  /** The item, as JSON text; undefined where it was too large to keep. */
  readonly input: string | undefined;
}

export function encodeDeadLetter(letter: DeadLetter): Encoded {
  const { index, code, message, attempts, input } = letter;
  const error = JSON.stringify({ code, message });
  const kept = input === undefined ? "" : `,"input":${input}`;
  return {
    headers: {
      [HEADER.job]: letter.job,
      [HEADER.kind]: letter.kind,
      [HEADER.index]: String(index),
      [HEADER.attempts]: String(attempts),
    },
    data: `{"index":${index},"attempts":${attempts},"error":${error}${kept}}`,
  };
}

/**
 * Reads a dead letter. The input is taken as the text that it is: a number in it may be larger than JavaScript can hold.
 * @throws InvalidBody when the message is not a dead letter
 */
export function decodeDeadLetter(message: Received): DeadLetter {
  const text = new TextDecoder().decode(message.data);
  const { index, attempts, error } = parseLetter(text);
  const { code, message: sentence } = error ?? {};
  const failure = { index, code, message: sentence, attempts };
  if (!isFailure(failure)) throw notALetter();
  const { [HEADER.job]: job = "", [HEADER.kind]: kind = "" } = message.headers;
  return { job, kind, ...failure, input: findMember(text, "input") };
}

interface LetterBody {
  index?: unknown;
  attempts?: unknown;
  error?: { code?: unknown; message?: unknown } | null;
}

function parseLetter(text: string): LetterBody {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null) return body;
  } catch (cause) {
    throw notALetter(cause);
  }
  throw notALetter();
}

function notALetter(cause?: unknown): InvalidBody {
  return new InvalidBody("The message is not a dead letter.", { cause });
}
