/**
 * Every subject, stream, bucket, header and durable name of muster, built and parsed here and nowhere else.
 *
 * The names are promises to users of the `nats` command line: docs/protocol.md is generated from this file.
 */
import { InvalidName } from "../errors.ts";

/** One token of a subject: what kinds, job ids and prefixes are made of. */
const TOKEN = /^[A-Za-z0-9_-]{1,64}$/;

export function isToken(value: string): boolean {
  return TOKEN.test(value);
}

/** Returns `value` if it can stand as one token of a subject. @throws InvalidName otherwise */
export function checkToken(what: string, value: string): string {
  if (!isToken(value)) throw new InvalidName(what, value);
  return value;
}

/** Workers take `high` before `normal` before `low`. */
export const PRIORITIES = ["high", "normal", "low"] as const;
export type Priority = (typeof PRIORITIES)[number];

export const STREAM_ROLES = ["jobs", "tasks", "results", "outcomes", "events", "dead"] as const;
export type StreamRole = (typeof STREAM_ROLES)[number];

export const SUBMISSION_VERBS = ["run", "submit", "watch"] as const;
export type SubmissionVerb = (typeof SUBMISSION_VERBS)[number];

export const JOB_VERBS = ["get", "list", "cancel", "retry", "result", "receipt"] as const;
export type JobVerb = (typeof JOB_VERBS)[number];

/** The life-cycle events that `muster.events.<type>.<job>` carries. */
export const EVENT_TYPES = ["accepted", "invalid", "progress", "finished", "joined", "left"] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Headers, in the spelling that muster writes; option headers are read in any case. */
export const HEADER = {
  /** Idempotency key, as NATS users know it. */
  msgId: "Nats-Msg-Id",
  serviceError: "Nats-Service-Error",
  serviceErrorCode: "Nats-Service-Error-Code",
  /** Of bytes: `application/octet-stream`. */
  contentType: "Content-Type",
  /** Of a compressed body: `gzip`. */
  contentEncoding: "Content-Encoding",
  /** The job's id. */
  job: "Muster-Job",
  /** Where the result of a `run`, or the messages of a `watch`, go. */
  reply: "Muster-Reply",
  /** `run` or `watch`: how the reply subject is served. */
  replyMode: "Muster-Reply-Mode",
  /** The items that a task or result covers, as `from-last/total`; the total is `*` while it is not known. */
  items: "Muster-Items",
  /** How many items of a task are records that could not be read; the first line of its body names them. */
  invalid: "Muster-Invalid",
  /** What workers and aggregators must know of the job, as JSON. */
  spec: "Muster-Spec",
  /** On the parts of a task that killed its workers: one of them will do so again. */
  suspect: "Muster-Suspect",
  /** Milliseconds that the handler ran for this chunk. */
  handlerMs: "Muster-Handler-Ms",
  worker: "Muster-Worker",
  /** What a result says for its job's receipt. */
  tally: "Muster-Tally",
  /** On a message that stands for several results: how many, since when their times count, and the worker's slots. */
  pack: "Muster-Pack",
  /** How many items of the chunk or the job failed for good. */
  failed: "Muster-Failed",
  state: "Muster-State",
  kind: "Muster-Kind",
  tasks: "Muster-Tasks",
  duplicates: "Muster-Duplicates",
  submitted: "Muster-Submitted",
  started: "Muster-Started",
  finished: "Muster-Finished",
  /** Handler milliseconds of all chunks together. */
  handlerTotalMs: "Muster-Handler-Total-Ms",
  /** The job's first failed items, as JSON (at most 20). */
  errors: "Muster-Errors",
  /** What an outcome carries of its job's receipt, as JSON. */
  receipt: "Muster-Receipt",
  /** `BUCKET/NAME` of a result that is larger than a message. */
  object: "Muster-Object",
  /** Item index and attempts of a dead letter. */
  index: "Muster-Index",
  attempts: "Muster-Attempts",
  /** The sequence that a write expects its subject's last message to have (0: none). */
  expectedLastSubjectSequence: "Nats-Expected-Last-Subject-Sequence",
  rollup: "Nats-Rollup",
  ttl: "Nats-TTL",
} as const;

/** Prefix of the headers that are options of a job: `Muster-Reduce: sum`. */
export const OPTION_HEADER_PREFIX = "muster-";

export interface TaskAddress {
  kind: string;
  priority: Priority;
  job: string;
}

/**
 * The names under one prefix.
 *
 * @example new Names("muster").jobs("double") // "muster.jobs.double"
 */
export class Names {
  readonly prefix: string;
  readonly #upper: string;

  /** @throws InvalidName when the prefix is not one subject token */
  constructor(prefix = "muster") {
    this.prefix = checkToken("prefix", prefix);
    this.#upper = prefix.toUpperCase().replaceAll("-", "_");
  }

  stream(role: StreamRole): string {
    return `${this.#upper}_${role.toUpperCase()}`;
  }

  /** Key-value bucket of the partition leases and the actors' presence. */
  get leases(): string {
    return `${this.#upper}_LEASES`;
  }

  /** Object bucket of results that are larger than a message. */
  get outputs(): string {
    return `${this.#upper}_OUTPUTS`;
  }

  /** Object bucket of inputs that are larger than a message. */
  get inputs(): string {
    return `${this.#upper}_INPUTS`;
  }

  jobs(kind: string): string {
    return `${this.prefix}.jobs.${kind}`;
  }

  submission(verb: SubmissionVerb, kind: string): string {
    return `${this.prefix}.${verb}.${kind}`;
  }

  jobVerb(verb: JobVerb): string {
    return `${this.prefix}.job.${verb}`;
  }

  task(address: TaskAddress): string {
    return `${this.prefix}.tasks.${address.kind}.${address.priority}.${address.job}`;
  }

  /** Matches all tasks of one job, whatever its kind and priority. */
  tasksOf(job: string): string {
    return `${this.prefix}.tasks.*.*.${job}`;
  }

  taskFilter(kind: string, priority: Priority): string {
    return `${this.prefix}.tasks.${kind}.${priority}.*`;
  }

  taskConsumer(kind: string, priority: Priority): string {
    return `tasks_${kind}_${priority}`;
  }

  cursor(job: string): string {
    return `${this.prefix}.cursors.${job}`;
  }

  result(partition: number, job: string): string {
    return `${this.prefix}.results.${partition}.${job}`;
  }

  resultFilter(partition: number): string {
    return `${this.prefix}.results.${partition}.*`;
  }

  outcome(job: string): string {
    return `${this.prefix}.outcomes.${job}`;
  }

  /** The stream position that a partition's aggregator has checkpointed. */
  checkpoint(partition: number): string {
    return `${this.prefix}.checkpoints.${partition}`;
  }

  jobCheckpoint(partition: number, job: string): string {
    return `${this.prefix}.checkpoints.${partition}.${job}`;
  }

  /** How many workers died while they ran the task of these items (`from-count`). */
  deaths(job: string, items: string): string {
    return `${this.prefix}.deaths.${job}.${items}`;
  }

  event(type: EventType, job: string): string {
    return `${this.prefix}.events.${type}.${job}`;
  }

  dead(kind: string, job: string): string {
    return `${this.prefix}.dead.${kind}.${job}`;
  }

  /** Broadcasts that nothing stores: `cancel`, `progress`, `partitions`, … */
  control(...tokens: string[]): string {
    return [this.prefix, "control", ...tokens].join(".");
  }

  /** Splits a subject into the tokens behind the prefix. */
  tokens(subject: string): string[] {
    return subject.slice(this.prefix.length + 1).split(".");
  }

  /** Kind and job of a task's subject. The subject must be one that {@link task} built. */
  parseTask(subject: string): TaskAddress {
    const [, kind = "", priority = "normal", job = ""] = this.tokens(subject);
    return { kind, priority: priority as Priority, job };
  }

  /** The last token: the job of a task, result, outcome, checkpoint or dead letter; the kind of a submission. */
  lastToken(subject: string): string {
    return subject.slice(subject.lastIndexOf(".") + 1);
  }
}

/** The partition of a job: FNV-1a over its id, so that every actor computes the same. */
export function partitionOf(job: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < job.length; i++) {
    hash = Math.imul(hash ^ job.charCodeAt(i), 0x01000193);
  }
  return (hash >>> 0) % partitions;
}
