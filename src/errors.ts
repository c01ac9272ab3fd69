/**
 * One class per cause. Every error that muster raises on purpose is a {@link MusterError}: it carries a stable
 * `code` (documented in docs/errors.md), an HTTP-like `status` (sent as `Nats-Service-Error-Code`), a sentence that
 * names the offending value, and, where it helps, what to do next.
 */

/** What goes over the wire for an error: the JSON body `{"error": …}` of the contract. */
export interface ErrorShape {
  code: string;
  message: string;
  path?: string;
}

export interface ErrorDetails {
  /** Where in the input the fault lies, for example `items[3]` or `Muster-Chunk`. */
  path?: string | undefined;
  cause?: unknown;
}

/** The base of all errors that muster raises on purpose. */
export class MusterError extends Error {
  readonly code: string;
  /** HTTP-like: 400 the input is wrong, 404 not there, 409 conflicts, 413 too large, 499 cancelled, 5xx ours. */
  readonly status: number;
  readonly path: string | undefined;

  constructor(code: string, status: number, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.status = status;
    this.path = details.path;
  }

  toShape(): ErrorShape {
    const shape: ErrorShape = { code: this.code, message: this.message };
    if (this.path !== undefined) shape.path = this.path;
    return shape;
  }
}

// ── what a caller sends ────────────────────────────────────────────────────────────────────────────────────────

export class InvalidJson extends MusterError {
  /** The fault and its place, without what was read. */
  readonly reason: string;

  constructor(reason: string, details?: ErrorDetails) {
    super("invalid_json", 400, `The body is not valid JSON: ${reason}`, details);
    this.reason = reason;
  }
}

/** A number that JavaScript cannot hold exactly: `1e999`, or an integer beyond ±(2^53 − 1). */
export class UnsafeNumber extends MusterError {
  constructor(literal: string, details?: ErrorDetails) {
    super(
      "unsafe_number",
      400,
      `The number ${literal} cannot be held exactly (integers up to ±9007199254740991): send it as a string.`,
      details,
    );
  }
}

export class ForbiddenKey extends MusterError {
  constructor(key: string, details?: ErrorDetails) {
    super(
      "forbidden_key",
      400,
      `The key "${key}" is not allowed: it would change an object's prototype.`,
      details,
    );
  }
}

export class InvalidBody extends MusterError {
  constructor(reason: string, details?: ErrorDetails) {
    super("invalid_body", 400, reason, details);
  }
}

/** A record of an input that cannot be read; the sentence begins with its place, as in `logs/a.csv, line 7`. */
export class InvalidRecord extends MusterError {
  constructor(sentence: string) {
    super("invalid_record", 400, sentence);
  }
}

/** An object that was deleted, replaced or damaged while it was read. */
export class ObjectGone extends MusterError {
  constructor(object: string, reason = "was deleted or replaced while it was read") {
    super("object_gone", 410, `The object "${object}" ${reason}.`, { path: "object" });
  }
}

export class UnknownOption extends MusterError {
  constructor(option: string, suggestion: string | undefined, details?: ErrorDetails) {
    const hint = suggestion === undefined ? "" : ` Did you mean "${suggestion}"?`;
    super("unknown_option", 400, `Unknown option "${option}".${hint}`, { path: option, ...details });
  }
}

export class InvalidOption extends MusterError {
  constructor(option: string, reason: string, details?: ErrorDetails) {
    super("invalid_option", 400, `Option "${option}": ${reason}`, { path: option, ...details });
  }
}

/** Characters of a name that an error shows: one that is not valid may have any length. */
const SHOWN = 100;

export class InvalidName extends MusterError {
  constructor(what: string, value: string) {
    super(
      "invalid_name",
      400,
      `"${value.slice(0, SHOWN)}" is not a valid ${what}: 1 to 64 letters, digits, "-" or "_" (no dots, spaces or wildcards).`,
    );
  }
}

export class PayloadTooLarge extends MusterError {
  constructor(what: string, bytes: number, limit: number, advice = "") {
    super(
      "payload_too_large",
      413,
      `${what} is ${bytes} bytes; this server takes ${limit} bytes in a message.${advice && ` ${advice}`}`,
    );
  }
}

export class UnknownReducer extends MusterError {
  constructor(name: string, suggestion: string | undefined) {
    const hint = suggestion === undefined ? "" : ` Did you mean "${suggestion}"?`;
    super("unknown_reducer", 400, `Unknown reducer "${name}".${hint}`, { path: "reduce" });
  }
}

/** The outputs are not what the reducer takes, for example `sum` over strings. */
export class ReducerMismatch extends MusterError {
  constructor(reducer: string, wanted: string, got: string, details?: ErrorDetails) {
    super(
      "reducer_mismatch",
      422,
      `Reducer "${reducer}" takes ${wanted}, but an output was ${got}.`,
      details,
    );
  }
}

/** A `group-by` whose outputs have more different keys than it allows. */
export class TooManyGroups extends MusterError {
  constructor(by: string, limit: number) {
    super(
      "too_many_groups",
      422,
      `The outputs have more than ${limit} different "${by}": raise "keys", or group by something coarser.`,
      { path: "reduce.keys" },
    );
  }
}

// ── jobs ───────────────────────────────────────────────────────────────────────────────────────────────────────

export class UnknownJob extends MusterError {
  constructor(job: string) {
    super("unknown_job", 404, `No job "${job}" is known (outcomes are kept for 24 hours).`);
  }
}

/** Failed items whose inputs were too large for a dead letter cannot be submitted again from there. */
export class InputNotKept extends MusterError {
  constructor(job: string, letters: number) {
    super(
      "input_not_kept",
      410,
      `The inputs of the ${letters} failed items of job "${job}" were too large to keep: submit them again from where they came.`,
    );
  }
}

export class JobNotFinished extends MusterError {
  constructor(job: string) {
    super(
      "job_not_finished",
      409,
      `Job "${job}" is not finished yet: wait for it with "muster result ${job} --wait".`,
    );
  }
}

export class JobAlreadyFinished extends MusterError {
  constructor(job: string, state: string) {
    super("job_already_finished", 409, `Job "${job}" already ended as "${state}".`);
  }
}

/** An item that failed for good, as errors name it. */
export interface FailedItem {
  /** Its number in the job, from 0. */
  readonly index: number;
  readonly code: string;
  readonly message: string;
  readonly attempts: number;
}

/** A job that ended as `failed`; its `cause` is the error that the job ended with. */
export class JobFailed extends MusterError {
  readonly job: string;
  /** The items that failed for good: the first 20 at most. All of them are dead letters. */
  readonly failures: readonly FailedItem[];

  constructor(
    job: string,
    reason: string,
    { failures = [], ...details }: ErrorDetails & { failures?: readonly FailedItem[] } = {},
  ) {
    super("job_failed", 500, `Job "${job}" failed: ${reason}`, details);
    this.job = job;
    this.failures = failures;
  }
}

export class JobCancelled extends MusterError {
  constructor(job: string) {
    super("job_cancelled", 499, `Job "${job}" was cancelled.`);
  }
}

export class JobExpired extends MusterError {
  constructor(job: string, deadline?: string) {
    const when = deadline === undefined ? "" : ` (${deadline})`;
    super("job_expired", 504, `Job "${job}" did not finish before its deadline${when}.`);
  }
}

/** Outputs that cannot go where the job says: no such bucket or stream, no permission, no room. */
export class OutputRefused extends MusterError {
  constructor(place: string, reason: string, details?: ErrorDetails) {
    super("output_refused", 422, `The outputs cannot go to ${place}: ${reason}`, {
      path: "output",
      ...details,
    });
  }
}

/** The splitter that was to make the job's items threw, took too long, or yielded too many. */
export class SplitterFailed extends MusterError {
  constructor(kind: string, reason: string) {
    super("splitter_failed", 422, `The splitter of kind "${kind}" made no items: ${reason}`, {
      path: "split",
    });
  }
}

/** What a splitter yielded as a chunk can be no task: it has no item, too many, or is larger than a message. */
export class InvalidChunk extends MusterError {
  constructor(message: string) {
    super("invalid_chunk", 422, message, { path: "split" });
  }
}

/** What was counted of a job contradicts itself: better no result than a wrong one. */
export class ReceiptMismatch extends MusterError {
  constructor(job: string, reason: string) {
    super("receipt_mismatch", 500, `The receipt of job "${job}" does not add up: ${reason}.`);
  }
}

/** Tasks or results that were stored are gone from the broker, and running their items again did not help. */
export class ItemsLost extends MusterError {
  constructor(job: string, missing: number, released: number) {
    super(
      "items_lost",
      500,
      `${missing} of the ${released} released items of job "${job}" are gone from the broker: it lost their tasks or results, again and again.`,
    );
  }
}

/** A result that was counted is gone from the broker before the job's result was put together. */
export class ResultGone extends MusterError {
  constructor(what: string) {
    super("result_gone", 500, `A part of the result is gone from the broker: ${what}.`);
  }
}

/** The caller stopped waiting; the job itself goes on. */
export class WaitTimedOut extends MusterError {
  constructor(job: string, ms: number) {
    super("wait_timed_out", 504, `Job "${job}" was not finished after ${ms} ms; it is still running.`);
  }
}

// ── items ──────────────────────────────────────────────────────────────────────────────────────────────────────

export class HandlerFailed extends MusterError {
  constructor(message: string, details?: ErrorDetails) {
    super("handler_failed", 500, message, details);
  }
}

export class HandlerTimedOut extends MusterError {
  constructor(ms: number) {
    super("handler_timed_out", 504, `The handler did not settle within ${ms} ms.`);
  }
}

/** The thread, or the process, that ran the handler died: `process.exit`, memory exhausted, a native crash. */
export class HandlerCrashed extends MusterError {
  constructor(
    reason: string,
    { what = "thread", ...details }: ErrorDetails & { what?: "thread" | "process" } = {},
  ) {
    super("handler_crashed", 500, `The handler's ${what} died: ${reason}`, details);
  }
}

/** What a handler returned cannot be written as JSON: circular, a BigInt, NaN. */
export class InvalidOutput extends MusterError {
  constructor(reason: string, details?: ErrorDetails) {
    super("invalid_output", 500, `The handler's output cannot be written as JSON: ${reason}`, details);
  }
}

/** Where a value does not fit its schema, and why. */
interface Misfit {
  /** Where in the value, as in `.user.names[0]`; empty for the value itself. */
  path: string;
  reason: string;
}

/** An item that does not fit the input schema of its task. It is not tried again. */
export class InputMismatch extends MusterError {
  constructor(kind: string, { index, path, reason }: Misfit & { index: number }) {
    const place = `items[${index}]${path}`;
    super(
      "input_mismatch",
      400,
      `Item ${index} does not fit the input of "${kind}", at ${place}: ${reason}`,
      {
        path: place,
      },
    );
  }
}

/** What a handler returned does not fit the output schema of its task. The item is not tried again. */
export class OutputMismatch extends MusterError {
  constructor(kind: string, { path, reason }: Misfit) {
    const place = path === "" ? "" : `, at ${path.replace(/^\./, "")}`;
    super("output_mismatch", 500, `The output does not fit the output of "${kind}"${place}: ${reason}`);
  }
}

/** A task whose workers died with it again and again. */
export class PoisonTask extends MusterError {
  constructor(deaths: number) {
    super("poison_task", 500, `${deaths} workers died while they ran this item; it is not tried again.`);
  }
}

/** An item that failed for good and took its job with it; keeps the code of the item's own error. */
export class ItemFailed extends MusterError {
  constructor(failure: FailedItem) {
    super(
      failure.code,
      500,
      `Item ${failure.index} failed (${triedText(failure.attempts)}): ${failure.message}`,
      {
        path: `items[${failure.index}]`,
      },
    );
  }
}

function triedText(attempts: number): string {
  if (attempts === 0) return "never run";
  return attempts === 1 ? "tried once" : `tried ${attempts} times`;
}

// ── handlers and configuration ─────────────────────────────────────────────────────────────────────────────────

export class HandlerModuleInvalid extends MusterError {
  constructor(file: string, reason: string, details?: ErrorDetails) {
    super("handler_module_invalid", 400, `Handler module ${file}: ${reason}`, details);
  }
}

export class UnknownKind extends MusterError {
  constructor(kind: string, known: readonly string[]) {
    super("unknown_kind", 404, `No handler for kind "${kind}" (known: ${known.join(", ") || "none"}).`);
  }
}

export class InvalidConfig extends MusterError {
  constructor(reason: string, details?: ErrorDetails) {
    super("invalid_config", 400, reason, details);
  }
}

// ── the broker ─────────────────────────────────────────────────────────────────────────────────────────────────

export class BrokerUnreachable extends MusterError {
  constructor(server: string, reason: string, details?: ErrorDetails) {
    super(
      "broker_unreachable",
      503,
      `No NATS server could be reached at ${server}: ${reason} Start one with "muster up", or name it with --server.`,
      details,
    );
  }
}

export class BrokerTooOld extends MusterError {
  constructor(version: string, minimum: string) {
    super(
      "broker_too_old",
      505,
      `nats-server ${version} is too old: muster needs ${minimum} (atomic batches, message TTL). "muster broker install" fetches one.`,
    );
  }
}

export class BrokerNotFound extends MusterError {
  constructor(tried: readonly string[]) {
    super(
      "broker_not_found",
      503,
      `No usable nats-server was found. Tried:\n${tried.map((line) => `  - ${line}`).join("\n")}\nInstall one (https://docs.nats.io/running-a-nats-service/introduction/installation), pass its path with MUSTER_NATS_SERVER, or name a running one with --server.`,
    );
  }
}

/** The server is there, but no actor was ever started on it. */
export class NoFleet extends MusterError {
  constructor(server: string, prefix: string) {
    super(
      "no_fleet",
      503,
      `No muster fleet runs at ${server} under the prefix "${prefix}": start one with "muster up --server ${server}".`,
    );
  }
}

/** JetStream is off, or the account may not use it. */
export class JetStreamUnavailable extends MusterError {
  constructor(reason: string, details?: ErrorDetails) {
    super(
      "jetstream_unavailable",
      503,
      `JetStream is not available: ${reason} Start the server with JetStream on (-js).`,
      details,
    );
  }
}

/** A stream or consumer is not configured as muster needs it. */
export class TopologyMismatch extends MusterError {
  constructor(what: string, reason: string) {
    super("topology_mismatch", 500, `${what} is not as muster needs it: ${reason}`);
  }
}

export class PermissionDenied extends MusterError {
  constructor(what: string, details?: ErrorDetails) {
    super("permission_denied", 403, `The NATS server refused: ${what}`, details);
  }
}

/** A compare-and-set lost: another writer was first. Read the truth again. */
export class WriteConflict extends MusterError {
  constructor(subject: string, details?: ErrorDetails) {
    super("write_conflict", 409, `${subject} was written by another actor.`, details);
  }
}

/** No answer came: the write may or may not have happened. Read the truth again. */
export class WriteUnknown extends MusterError {
  constructor(subject: string, details?: ErrorDetails) {
    super(
      "write_unknown",
      504,
      `No acknowledgement came for ${subject}: it may or may not be stored.`,
      details,
    );
  }
}

/** The stream is at its limit (`max_bytes`, `max_msgs`) or the server's storage is full. */
export class StorageFull extends MusterError {
  constructor(subject: string, reason: string, details?: ErrorDetails) {
    super("storage_full", 507, `${subject} was not stored: ${reason}`, details);
  }
}

/** A request that nobody answers, or not in time. */
export class RequestFailed extends MusterError {
  constructor(subject: string, reason: string, details?: ErrorDetails) {
    super("request_failed", 503, `${subject}: ${reason}`, details);
  }
}

/** Any answer of the broker that muster has no better class for. */
export class BrokerRefused extends MusterError {
  readonly brokerCode: number;
  constructor(subject: string, brokerCode: number, description: string) {
    super("broker_refused", 500, `${subject}: ${description} (${brokerCode}).`);
    this.brokerCode = brokerCode;
  }
}

// ── our own faults ─────────────────────────────────────────────────────────────────────────────────────────────

/** A transition that must not happen; carries the machine's recent history. */
export class ImpossibleTransition extends MusterError {
  constructor(what: string, history: readonly string[]) {
    super("impossible_transition", 500, `${what}\n${history.map((line) => `  ${line}`).join("\n")}`);
  }
}

/** An error that was not foreseen, converted once, at the edge. */
export class Unexpected extends MusterError {
  constructor(cause: unknown) {
    super("unexpected", 500, messageOf(cause), { cause });
  }
}

/** What an error says; of anything else what it is as text. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return "a value that cannot be shown";
  }
}

/** `instanceof` for values that anybody may have made: a proxy can refuse to be asked, and is none then. */
export function isA<T>(value: unknown, type: abstract new (...args: never[]) => T): value is T {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/** Converts whatever was thrown to a MusterError. Use at the edges only. */
export function toMusterError(error: unknown): MusterError {
  return isA(error, MusterError) ? error : new Unexpected(error);
}
