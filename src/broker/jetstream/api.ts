/** Requests to the JetStream API, and its refusals turned into typed errors. */
import type { Msg, NatsConnection } from "nats";
import { errors } from "nats";
import {
  BrokerRefused,
  JetStreamUnavailable,
  type MusterError,
  PermissionDenied,
  RequestFailed,
  StorageFull,
  TopologyMismatch,
  WriteConflict,
} from "../../errors.ts";

import type { Outbox } from "./outbox.ts";
import { checkOpen } from "./wire.ts";

/** The error part of a JetStream answer. */
export interface ApiFault {
  code: number;
  err_code?: number;
  description?: string;
}

export const API_CODE = {
  streamNameInUse: 10058,
  consumerExists: 10148,
  consumerNotFound: 10014,
  streamNotFound: 10059,
  noMessage: 10037,
} as const;

/** A compare-and-set lost, in a single write or inside a batch. */
const CONFLICTS = new Set([10071, 10164]);
/** Out of storage: of the server, the account, the stream. */
const FULL = new Set([10023, 10028, 10047, 10077, 10122]);
/** What the operating system says of a full disk: the server passes it on under the code of whatever it was doing. */
const DISK_FULL = /no space left on device/;
const MISMATCHES = new Set([10100, 10065, 10052, 10099]);
const NOT_ENABLED = new Set([10035, 10039, 10076]);

/** The error that a fault of the server stands for; `what` is the subject or name that was asked for. */
export function faultError(what: string, fault: ApiFault): MusterError {
  const code = fault.err_code ?? fault.code;
  const description = fault.description ?? "no description";
  if (CONFLICTS.has(code)) return new WriteConflict(what);
  if (FULL.has(code) || DISK_FULL.test(description)) return new StorageFull(what, description);
  if (MISMATCHES.has(code)) return new TopologyMismatch(what, description);
  if (NOT_ENABLED.has(code)) return new JetStreamUnavailable(description);
  return new BrokerRefused(what, code, description);
}

/** Whether the server refused with this code, for which muster has no class of its own. */
export function isRefusal(error: unknown, code: number): boolean {
  return error instanceof BrokerRefused && error.brokerCode === code;
}

/** Converts what a request of the client library rejected with. */
export function requestError(subject: string, error: unknown): MusterError {
  const cause = error instanceof errors.RequestError && error.cause !== undefined ? error.cause : error;
  if (error instanceof errors.RequestError && error.isNoResponders()) {
    return new RequestFailed(subject, "nobody listens there.", { cause });
  }
  if (cause instanceof errors.NoRespondersError)
    return new RequestFailed(subject, "nobody listens there.", { cause });
  if (cause instanceof errors.PermissionViolationError) {
    return new PermissionDenied(`${cause.operation} on "${cause.subject}".`, { cause });
  }
  if (cause instanceof errors.TimeoutError)
    return new RequestFailed(subject, "no answer in time.", { cause });
  return new RequestFailed(subject, cause instanceof Error ? cause.message : String(cause), { cause });
}

/** One connection's door to the JetStream API, under its domain's prefix. */
export class JetStreamApi {
  readonly prefix: string;
  readonly #nc: NatsConnection;
  readonly #outbox: Outbox;
  readonly #timeoutMs: number;

  constructor(
    nc: NatsConnection,
    options: { domain?: string | undefined; timeoutMs: number; outbox: Outbox },
  ) {
    this.#nc = nc;
    this.#outbox = options.outbox;
    this.#timeoutMs = options.timeoutMs;
    this.prefix = options.domain === undefined ? "$JS.API" : `$JS.${options.domain}.API`;
  }

  /** Asks `<prefix>.<verb>` and returns its answer. @throws the typed error of the server's refusal */
  async ask<T>(verb: string, body: unknown = "", timeoutMs = this.#timeoutMs): Promise<T> {
    const message = await this.#request(verb, body, timeoutMs);
    const answer = message.json<T & { error?: ApiFault }>();
    if (answer.error !== undefined) throw faultError(verb, answer.error);
    return answer;
  }

  /** Like {@link ask}, for answers that are messages themselves (direct get). */
  async askRaw(verb: string, body: unknown): Promise<Msg> {
    return await this.#request(verb, body, this.#timeoutMs);
  }

  /** Tells the API without waiting for its answer, for what need not succeed. */
  tell(verb: string): void {
    this.#outbox.tell(`${this.prefix}.${verb}`);
  }

  async #request(verb: string, body: unknown, timeout: number): Promise<Msg> {
    checkOpen(this.#nc);
    const subject = `${this.prefix}.${verb}`;
    const payload = typeof body === "string" ? body : JSON.stringify(body);
    this.#outbox.flush();
    try {
      return await this.#nc.request(subject, payload, { timeout });
    } catch (error) {
      throw apiRequestError(subject, error);
    }
  }
}

function apiRequestError(subject: string, error: unknown): MusterError {
  const converted = requestError(subject, error);
  const nobody = converted instanceof RequestFailed && converted.message.includes("nobody listens");
  return nobody ? new JetStreamUnavailable("no server answers its API.", { cause: error }) : converted;
}
