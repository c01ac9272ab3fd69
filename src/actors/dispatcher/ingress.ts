/** Jobs that come as requests: `muster.run`, `muster.submit` and `muster.watch`. All are stored before they are worked on. */
import type { InMessage, Subscription } from "../../broker/port.ts";
import { type JobPlan, planJob } from "../../domain/plan.ts";
import { type MusterError, toMusterError } from "../../errors.ts";
import { isBinary } from "../../protocol/binary.ts";
import { inflated } from "../../protocol/compression.ts";
import { HEADER, SUBMISSION_VERBS, type SubmissionVerb } from "../../protocol/names.ts";
import { errorBody, oneLine } from "../../protocol/outcome.ts";
import type { ReplyTo } from "../../protocol/spec.ts";
import { jobOfKey, parseSubmission, type Submission } from "../../protocol/submission.ts";
import { timedId } from "../../runtime/id.ts";
import { awaitOutcome } from "../await-outcome.ts";
import type { ActorContext } from "../context.ts";
import { replyOutcome } from "../outcomes.ts";
import type { ProgressHub } from "../progress-hub.ts";
import { TaskWriter } from "../tasks.ts";
import { openSource } from "./source.ts";
import { watchJob } from "./watcher.ts";

export const QUEUE = "dispatchers";

export interface IngressGround {
  context: ActorContext;
  hub: ProgressHub;
  /** Runs work that nobody awaits. */
  background(work: () => Promise<void>): void;
  /** Aborts when the dispatcher stops. */
  signal: AbortSignal;
}

/** Listens for requests until the subscriptions are closed. */
export function listenForJobs(ground: IngressGround): Subscription[] {
  const { broker, names } = ground.context;
  return SUBMISSION_VERBS.map((verb) =>
    broker.subscribe(
      names.submission(verb, "*"),
      (message) => ground.background(() => new Request(ground, verb, message).serve()),
      QUEUE,
    ),
  );
}

/** Answers a request with an error: the sentence in headers as NATS services do, the details in the body. */
export function replyError({ broker }: ActorContext, subject: string | undefined, error: MusterError): void {
  if (subject === undefined) return;
  broker.publish({
    subject,
    headers: {
      [HEADER.serviceError]: oneLine(error.message),
      [HEADER.serviceErrorCode]: String(error.status),
    },
    data: errorBody(error.toShape()),
  });
}

class Request {
  readonly #ground: IngressGround;
  readonly #verb: SubmissionVerb;
  readonly #message: InMessage;
  readonly #kind: string;

  constructor(ground: IngressGround, verb: SubmissionVerb, message: InMessage) {
    this.#ground = ground;
    this.#verb = verb;
    this.#message = message;
    this.#kind = ground.context.names.lastToken(message.subject);
  }

  async serve(): Promise<void> {
    const { context } = this.#ground;
    try {
      await this.#accept();
    } catch (error) {
      replyError(context, this.#message.reply, toMusterError(error));
      if (this.#verb === "watch" && this.#message.reply !== undefined) {
        context.broker.publish({ subject: this.#message.reply });
      }
    }
  }

  async #accept(): Promise<void> {
    const { context } = this.#ground;
    const { data, headers } = inflated(this.#message, context.broker.maxPayload);
    const submission = parseSubmission(this.#kind, data, headers);
    const { key } = submission.options;
    const now = context.clock.now();
    const job = key === undefined ? timedId(now, context.random) : jobOfKey(key);
    const plan = planJob(submission, { job, submitted: now, reply: this.#replyTo() });
    const isStored = isDirect(plan, submission) && (await this.#storeTask(plan));
    if (!isStored && (await this.#storeJob(plan, key))) return this.#attach(plan);
    this.#acknowledge(plan);
  }

  #replyTo(): ReplyTo | undefined {
    const { reply, headers } = this.#message;
    if (reply === undefined || this.#verb === "submit") return undefined;
    return { subject: reply, mode: this.#verb, ...(isBinary(headers) ? { binary: true } : {}) };
  }

  /**
   * A job that is a single task is accepted once that task is stored: no queue, no lease, two stored hops less. Returns
   * false where the items do not fit into one task.
   */
  async #storeTask({ input, spec }: JobPlan): Promise<boolean> {
    const { context } = this.#ground;
    const total = spec.total ?? 0;
    if (input.type === "split") return false;
    const source = await openSource(context, input);
    const { count, items } = await source.take(total);
    if (count < total) return false;
    await context.broker.store(new TaskWriter(context, spec).message({ from: 0, count }, { items }));
    return true;
  }

  /** Stores the job as the caller sent it; returns whether it was there already. */
  async #storeJob({ spec }: JobPlan, key: string | undefined): Promise<boolean> {
    const { broker, names } = this.#ground.context;
    const { [HEADER.msgId]: _key, ...headers } = this.#message.headers;
    const own: Record<string, string> = { ...headers, [HEADER.job]: spec.job };
    if (spec.reply !== undefined) {
      own[HEADER.reply] = spec.reply.subject;
      own[HEADER.replyMode] = spec.reply.mode;
    }
    const { duplicate } = await broker.store({
      subject: names.jobs(this.#kind),
      data: this.#message.data,
      headers: own,
      ...(key === undefined ? {} : { msgId: spec.job }),
    });
    return duplicate;
  }

  #acknowledge(plan: JobPlan): void {
    const { context, hub, signal } = this.#ground;
    const { job, kind, total, reply } = plan.spec;
    if (this.#verb === "submit" && this.#message.reply !== undefined) {
      context.broker.publish({
        subject: this.#message.reply,
        data: JSON.stringify({ job, state: "accepted" }),
      });
    }
    if (reply?.mode !== "watch") return;
    const watched = { job, kind, total: () => total };
    watchJob(context, { subject: reply.subject, watched, hub }, signal);
  }

  /** The same key again: the caller gets the result of the job that is already under way, or over. */
  #attach(plan: JobPlan): void {
    const { context, hub, background, signal } = this.#ground;
    const { reply, job } = plan.spec;
    this.#acknowledge(plan);
    if (reply === undefined) return;
    background(async () => {
      const outcome = await awaitOutcome(context, { news: hub, job }, signal).catch(unlessStopping);
      if (outcome !== undefined) replyOutcome(context, reply, outcome);
    });

    function unlessStopping(error: unknown): undefined {
      if (!signal.aborted) throw error;
    }
  }
}

function isDirect({ smallChunk, spec, notBefore }: JobPlan, { options }: Submission): boolean {
  const isSingle =
    smallChunk !== undefined && spec.total !== undefined && spec.total >= 1 && spec.total <= smallChunk;
  const isPlain =
    options.key === undefined &&
    options.output === undefined &&
    spec.deadline === undefined &&
    notBefore <= spec.submitted;
  return isSingle && isPlain;
}
