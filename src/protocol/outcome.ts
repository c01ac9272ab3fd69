/** How a job ended, as a message and back. */
import type { ErrorShape } from "../errors.ts";
import { amountOf } from "./amount.ts";
import { type Failure, jsonOfFirst, parseFailures } from "./failure.ts";
import type { Encoded, Received } from "./messages.ts";
import { HEADER } from "./names.ts";
import { decodeReceipt, encodeReceipt, type ReceiptHead } from "./receipt.ts";

const decoder = new TextDecoder();

/** Characters kept of a failure's message in an outcome's header. */
const MAX_HEADER_MESSAGE = 200;

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
  const body = decoder.decode(message.data);
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
