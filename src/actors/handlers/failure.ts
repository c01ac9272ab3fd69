/** Makes an {@link ItemFailure} of whatever a handler threw. */
import type { ItemFailure } from "../../domain/pass.ts";
import {
  HandlerFailed,
  InputMismatch,
  InvalidChunk,
  isA,
  MusterError,
  OutputMismatch,
} from "../../errors.ts";
import { steerOf } from "./handler.ts";

/** Characters kept of a message and of a stack: a failure travels in messages and headers. */
const MAX_MESSAGE = 2_048;
const MAX_STACK = 2_048;

/** Bytes of JSON text kept of a failed item's input. */
const MAX_INPUT = 16 * 1024;

/** Which attempt failed. */
export interface Attempt {
  index: number;
  attempt: number;
  /** The item as JSON text, if it is at hand. */
  input?: string | undefined;
  /** Whatever the error says: a further attempt cannot mend it. */
  permanent?: true | undefined;
}

/** The failure that a thrown value amounts to: never throws itself, whatever the value. */
export function failureOf(thrown: unknown, attempt: Attempt): ItemFailure {
  const steer = steerOf(thrown);
  const failure: ItemFailure = {
    index: attempt.index,
    code: codeOf(thrown),
    message: describeThrown(thrown).slice(0, MAX_MESSAGE),
    permanent: attempt.permanent ?? (steer?.type === "fail" || isMismatch(thrown)),
    attempt: attempt.attempt,
  };
  if (steer?.type === "retry-after") failure.retryAfter = steer.ms;
  const stack = stackOf(thrown);
  if (stack !== undefined) failure.stack = stack.slice(0, MAX_STACK);
  if (attempt.input !== undefined && Buffer.byteLength(attempt.input) <= MAX_INPUT)
    failure.input = attempt.input;
  return failure;
}

/** What does not fit its schema, or a task, will not fit it the next time. */
function isMismatch(thrown: unknown): boolean {
  return [InputMismatch, OutputMismatch, InvalidChunk].some((mismatch) => isA(thrown, mismatch));
}

/** Codes are stable and documented, so an error of the user's never brings its own. */
function codeOf(thrown: unknown): string {
  return isA(thrown, MusterError) ? thrown.code : new HandlerFailed("").code;
}

function describeThrown(thrown: unknown): string {
  try {
    return wordsOf(thrown) || `it threw ${String(thrown)}`;
  } catch {
    return "it threw a value that cannot be shown";
  }
}

/** A message may be anything, and empty. */
function wordsOf(thrown: unknown): string {
  if (thrown instanceof Error) return String(thrown.message || thrown.name);
  if (typeof thrown === "object" && thrown !== null && "message" in thrown) return String(thrown.message);
  return "";
}

/** Only of the user's own errors: a stack through muster's files says nothing to them. */
function stackOf(thrown: unknown): string | undefined {
  if (isA(thrown, MusterError)) return undefined;
  try {
    return thrown instanceof Error && typeof thrown.stack === "string" ? thrown.stack : undefined;
  } catch {
    return undefined;
  }
}
