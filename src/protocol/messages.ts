/** Tasks, results, outcomes and dead letters, as messages and back. */
import { type ErrorShape, InvalidBody } from "../errors.ts";
import { HEADER } from "./names.ts";
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

export interface Task extends ItemRange {
  readonly spec: JobSpec;
  /** JSON array of the items; empty for ranges. */
  readonly items: Uint8Array | string;
}

export function encodeTask(task: Task, specText = encodeSpec(task.spec)): Encoded {
  return {
    headers: { [HEADER.items]: encodeItems(task, task.spec.total), [HEADER.spec]: specText },
    data: task.items,
  };
}

/** @throws InvalidBody when the message is not a task */
export function decodeTask(message: Received, specs: SpecDecoder): Task {
  const spec = specs.decode(message.headers[HEADER.spec]);
  const { from, count, total } = decodeItems(message.headers[HEADER.items]);
  return { spec: withTotal(spec, total), from, count, items: message.data };
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
  readonly failures: readonly Failure[];
  readonly handlerMs: number;
  readonly worker: string;
}

export function encodeResult(result: Result, specText = encodeSpec(result.spec)): Encoded {
  const headers: Record<string, string> = {
    [HEADER.items]: encodeItems(result, result.spec.total),
    [HEADER.spec]: specText,
    [HEADER.handlerMs]: result.handlerMs.toFixed(3),
    [HEADER.worker]: result.worker,
  };
  if (result.object !== undefined) headers[HEADER.object] = result.object;
  if (result.failures.length === 0) return { headers, data: result.partial };
  headers[HEADER.failed] = String(result.failures.length);
  return { headers, data: `${JSON.stringify(result.failures)}\n${result.partial}` };
}

/** @throws InvalidBody when the message is not a result */
export function decodeResult(message: Received, specs: SpecDecoder): Result {
  const spec = specs.decode(message.headers[HEADER.spec]);
  const { from, count, total } = decodeItems(message.headers[HEADER.items]);
  const text = Buffer.from(message.data.buffer, message.data.byteOffset, message.data.length).toString(
    "utf8",
  );
  const object = message.headers[HEADER.object];
  return {
    spec: withTotal(spec, total),
    from,
    count,
    ...splitBody(text, message.headers[HEADER.failed] !== undefined),
    ...(object === undefined ? {} : { object }),
    handlerMs: Number(message.headers[HEADER.handlerMs] ?? 0),
    worker: message.headers[HEADER.worker] ?? "",
  };
}

/** With failures the first line is their JSON array (which has no line break), the rest is the partial. */
function splitBody(text: string, hasFailures: boolean): Pick<Result, "failures" | "partial"> {
  if (!hasFailures) return { failures: [], partial: text };
  const end = text.indexOf("\n");
  try {
    return { failures: JSON.parse(text.slice(0, end)) as Failure[], partial: text.slice(end + 1) };
  } catch (cause) {
    throw new InvalidBody("The result's failures cannot be read.", { cause });
  }
}

// ── outcomes ───────────────────────────────────────────────────────────────────────────────────────────────────

export const OUTCOME_STATES = ["succeeded", "failed", "cancelled", "expired"] as const;
export type OutcomeState = (typeof OUTCOME_STATES)[number];

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

export interface OutcomeTimes {
  submitted: number;
  /** When the first result came. */
  started?: number;
  finished: number;
}

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
}

/** Failed items that an outcome names; all of them are dead letters. */
export const MAX_NAMED_FAILURES = 20;

export function encodeOutcome(outcome: Outcome): Encoded {
  const { counts, times, error, object } = outcome;
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
  if (outcome.failures.length > 0) headers[HEADER.errors] = headerJson(outcome.failures);
  if (error !== undefined) {
    headers[HEADER.serviceError] = oneLine(error.message);
    headers[HEADER.serviceErrorCode] = String(error.status);
  }
  return { headers, data: outcome.body };
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").slice(0, 500);
}

/** JSON that can stand in a header: on one line, in ASCII (other characters escaped). */
function headerJson(failures: readonly Failure[]): string {
  const short = failures.map((failure) => ({ ...failure, message: failure.message.slice(0, 200) }));
  return JSON.stringify(short).replace(
    /[^ -~]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Reads an outcome; `message` is what the stream holds. */
export function decodeOutcome(message: Received): Outcome {
  const { headers } = message;
  const body = new TextDecoder().decode(message.data);
  const object = headers[HEADER.object];
  const started = headers[HEADER.started];
  const status = headers[HEADER.serviceErrorCode];
  return {
    job: headers[HEADER.job] ?? message.subject.slice(message.subject.lastIndexOf(".") + 1),
    kind: headers[HEADER.kind] ?? "",
    state: (headers[HEADER.state] ?? "failed") as OutcomeState,
    counts: {
      items: Number(headers[HEADER.items] ?? 0),
      failed: Number(headers[HEADER.failed] ?? 0),
      tasks: Number(headers[HEADER.tasks] ?? 0),
      duplicates: Number(headers[HEADER.duplicates] ?? 0),
      handlerMs: Number(headers[HEADER.handlerTotalMs] ?? 0),
    },
    times: {
      submitted: Date.parse(headers[HEADER.submitted] ?? ""),
      ...(started === undefined ? {} : { started: Date.parse(started) }),
      finished: Date.parse(headers[HEADER.finished] ?? ""),
    },
    body,
    ...(object === undefined ? {} : { object }),
    ...(status === undefined
      ? {}
      : { error: errorOf(body, Number(status), headers[HEADER.serviceError] ?? "") }),
    failures: failuresOf(headers[HEADER.errors]),
  };
}

function errorOf(body: string, status: number, sentence: string): ErrorShape & { status: number } {
  const fallback = { code: "unexpected", message: sentence, status };
  try {
    const parsed = JSON.parse(body) as { error?: ErrorShape };
    return parsed.error === undefined ? fallback : { ...parsed.error, status };
  } catch {
    return fallback;
  }
}

function failuresOf(header: string | undefined): Failure[] {
  try {
    return JSON.parse(header ?? "[]") as Failure[];
  } catch {
    return []; // A foreign header; the dead letters have them all.
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
  const { index, code, message, attempts } = letter;
  return {
    headers: {
      [HEADER.job]: letter.job,
      [HEADER.kind]: letter.kind,
      [HEADER.index]: String(index),
      [HEADER.attempts]: String(attempts),
    },
    data: `{"index":${index},"attempts":${attempts},"error":${JSON.stringify({ code, message })},"input":${letter.input ?? "null"}}`,
  };
}
