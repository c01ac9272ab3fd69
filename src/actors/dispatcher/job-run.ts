/**
 * One job in the hands of a dispatcher, from its message in the queue to its outcome. The unacknowledged message is the
 * lease: when this process dies, the job is delivered to another dispatcher, which goes on at the cursor.
 */
import type { Delivery } from "../../broker/port.ts";
import { type JobPlan, planJob } from "../../domain/plan.ts";
import { reducerFor } from "../../domain/reducers/index.ts";
import { MusterError, toMusterError } from "../../errors.ts";
import { inflated } from "../../protocol/compression.ts";
import { encodeJson } from "../../protocol/json.ts";
import type { Received } from "../../protocol/messages.ts";
import type { Outcome, OutcomeState } from "../../protocol/outcome.ts";
import type { ProgressLine } from "../../protocol/progress.ts";
import type { JobSpec, ReplyTo } from "../../protocol/spec.ts";
import { parseSubmission, type Submission } from "../../protocol/submission.ts";
import type { ActorContext } from "../context.ts";
import { cutShort, endJob, NO_COUNTS, readOutcome, replyOutcome } from "../outcomes.ts";
import { checkOutput } from "./check-output.ts";
import { closeCursor, NO_CURSOR, readCursor } from "./cursor.ts";
import { jobIdOf, replyOf } from "./job-identity.ts";
import { JobWatch } from "./job-watch.ts";
import { Losses } from "./losses.ts";
import type { ReadablePlan } from "./readable-plan.ts";
import { JobTaken } from "./release.ts";
import type { RunEnd } from "./run-end.ts";
import { LargeScattering, type Scattering, SmallScattering } from "./scattering.ts";
import { openSource, type Source } from "./source.ts";
import { cancelSplit, splitInput } from "./splitting.ts";

/** What a run needs of its dispatcher. */
export interface RunGround {
  context: ActorContext;
  /** Slots of the workers that serve a kind, as far as is known. */
  slotsFor(kind: string): number;
  /** Hears of the job's progress until the returned function is called. */
  onProgress(job: string, listener: (line: ProgressLine) => void): () => void;
  /** Aborts when the dispatcher stops. */
  signal: AbortSignal;
}

/** A first delivery this old may have been cancelled while it waited. */
const AGED_MS = 1_000;

export interface RunSnapshot {
  job: string;
  kind: string;
  /** `waiting`: no worker serves its kind. `delayed`: its time has not come. */
  state: "waiting" | "running" | "delayed";
  total: number | undefined;
  items: number;
  tasks: number;
  failed: number;
  tasksOut: number;
  submitted: number;
  /** Who waits for it. */
  reply?: ReplyTo | undefined;
}

export class JobRun {
  readonly job: string;
  readonly kind: string;
  /** The newest delivery of the job's message: its lease. */
  delivery: Delivery;
  readonly #ground: RunGround;
  readonly #reply: ReplyTo | undefined;
  /** The job's message, inflated; or why it cannot be. */
  readonly #message: Received | MusterError;
  readonly #watch: JobWatch;
  #plan: JobPlan | undefined;
  #source: Source | undefined;
  #scattering: Scattering | undefined;
  #losses: Losses | undefined;
  #line: ProgressLine | undefined;
  /** Its outcome is being written: workers drop what is left of it. */
  #isEnding = false;

  constructor(ground: RunGround, delivery: Delivery) {
    const { headers, subject } = delivery;
    this.#ground = ground;
    this.delivery = delivery;
    this.kind = ground.context.names.lastToken(subject);
    this.#message = messageIn(ground.context, delivery);
    this.job = jobIdOf(delivery, this.#message instanceof MusterError ? delivery : this.#message);
    this.#reply = replyOf(headers);
    this.#watch = this.#openWatch();
  }

  #openWatch(): JobWatch {
    const { job } = this;
    const { context, signal, onProgress } = this.#ground;
    return new JobWatch({
      ...{ context, signal, job },
      onProgress: (listener) => onProgress(job, listener),
      onLine: (line) => this.#onProgress(line),
      onCheck: () => this.#losses?.look(this.#line?.items ?? 0),
      onSilence: () => this.#lookUp(),
      onDeadline: () => this.#expire(),
    });
  }

  /** Bytes of its body, as it is held. */
  get bytes(): number {
    return this.#message instanceof MusterError ? 0 : this.#message.data.length;
  }

  /** Where the job stands, as far as this dispatcher knows. */
  snapshot(): RunSnapshot {
    const { job, kind } = this;
    const known = this.#line;
    return {
      job,
      kind,
      state: this.#state(),
      total: this.#scattering?.total ?? this.#plan?.spec.total,
      items: known?.items ?? 0,
      tasks: known?.tasks ?? 0,
      failed: known?.failed ?? 0,
      tasksOut: this.#scattering?.tasksOut ?? 0,
      submitted: this.#plan?.spec.submitted ?? this.delivery.time,
      reply: this.#reply,
    };
  }

  #state(): RunSnapshot["state"] {
    const { context, slotsFor } = this.#ground;
    if ((this.#plan?.notBefore ?? 0) > context.clock.now()) return "delayed";
    return slotsFor(this.kind) === 0 ? "waiting" : "running";
  }

  /** Runs the job to its end; rejects only for errors that nobody expected. */
  async run(): Promise<RunEnd> {
    const submission = this.#parse();
    if (submission instanceof MusterError) return await this.#endInvalid(submission);
    const standing = await this.#standing(submission);
    if (standing !== undefined) return await this.#endOver(standing);
    try {
      return await this.#runPlan(submission);
    } catch (error) {
      return await this.#endThrown(error);
    } finally {
      this.#watch.settle({ type: "stopped" });
      void this.#scattering?.stop();
      await this.#source?.close();
    }
  }

  /** The job ended by another's hand (cancelled, expired): stop releasing. */
  noteEnded(): void {
    this.#watch.settle({ type: "done" });
  }

  /** More workers, or fewer: the window may have changed. */
  noteFleet(): void {
    this.#scattering?.onFleet();
  }

  // ── before it starts ─────────────────────────────────────────────────────────────────────────────────────────

  #parse(): Submission | MusterError {
    if (this.#message instanceof MusterError) return this.#message;
    try {
      return parseSubmission(this.kind, this.#message.data, this.#message.headers);
    } catch (error) {
      return toMusterError(error);
    }
  }

  /** An outcome that stands already: of a redelivered job, an old key, or one that was cancelled while it waited. */
  async #standing(submission: Submission): Promise<Outcome | undefined> {
    const { context } = this.#ground;
    const age = context.clock.now() - this.delivery.time;
    const isFresh = this.delivery.deliveries === 1 && submission.options.key === undefined && age < AGED_MS;
    return isFresh ? undefined : await readOutcome(context, this.job);
  }

  /** The job was over before this run began; the dispatcher that had it may have died before it tidied up. */
  async #endOver(outcome: Outcome): Promise<RunEnd> {
    this.#answer(outcome);
    await this.#cleanUp(outcome.state);
    return { type: "done" };
  }

  #answer(outcome: Outcome): void {
    if (this.#reply !== undefined) replyOutcome(this.#ground.context, this.#reply, outcome);
  }

  async #endInvalid(error: MusterError): Promise<RunEnd> {
    const { context, signal } = this.#ground;
    const { job, kind } = this;
    context.events.emit("job.invalid", { job, kind, code: error.code, message: error.message });
    await endJob(
      context,
      {
        job,
        kind,
        state: "failed",
        counts: NO_COUNTS,
        submitted: this.delivery.time,
        error,
        reply: this.#reply,
      },
      signal,
    );
    return { type: "done" };
  }

  async #endThrown(error: unknown): Promise<RunEnd> {
    if (error instanceof JobTaken) return { type: "taken" };
    if (this.#ground.signal.aborted) return { type: "stopped" };
    if (!(error instanceof MusterError) || error.status >= 500) throw error;
    const end = await this.#endInvalid(error);
    await this.#cleanUp("failed");
    return end;
  }

  // ── running ──────────────────────────────────────────────────────────────────────────────────────────────────

  async #runPlan(submission: Submission): Promise<RunEnd> {
    const { context } = this.#ground;
    const plan = planJob(submission, { job: this.job, submitted: this.delivery.time, reply: this.#reply });
    this.#plan = plan;
    const now = context.clock.now();
    if (plan.notBefore > now) return { type: "later", ms: plan.notBefore - now };
    if (plan.spec.deadline !== undefined && plan.spec.deadline <= now) return await this.#expireUnrun();
    const takeover = this.delivery.deliveries > 1;
    context.events.emit("job.accepted", { job: this.job, kind: this.kind, items: plan.spec.total, takeover });
    await checkOutput(context, plan.spec);
    if (plan.spec.total === 0) return await this.#endEmpty(plan.spec);
    const { input } = plan;
    if (input.type === "split") return await this.#runSplit(plan, input.value);
    return await this.#runReadable({ ...plan, input });
  }

  async #runReadable(plan: ReadablePlan): Promise<RunEnd> {
    this.#losses = this.#watchLosses();
    return plan.smallChunk === undefined
      ? await this.#runLarge(plan)
      : await this.#runSmall(plan, plan.smallChunk);
  }

  /** The items are made first, by a worker; then it is a job over the object that holds them. */
  async #runSplit(plan: JobPlan, value: string): Promise<RunEnd> {
    const { context, signal, onProgress } = this.#ground;
    const request = { spec: plan.spec, value, news: { on: onProgress } };
    const over = new AbortController();
    const ended = this.#untilEnded(plan.spec);
    const splitting = splitInput(context, request, AbortSignal.any([signal, over.signal]));
    splitting.catch(() => {}); // Where the job is over first, nobody awaits it.
    const made = await Promise.race([splitting, ended]);
    if (made.type !== "object") {
      over.abort();
      if (made.type === "done") await cancelSplit(context, plan.spec, signal);
      return made;
    }
    this.#watch.settle({ type: "stopped" });
    await ended;
    return await this.#runReadable({ ...plan, input: made });
  }

  async #endEmpty(spec: JobSpec): Promise<RunEnd> {
    const { context, signal } = this.#ground;
    const result = emptyResult(spec.reduce);
    const { job, kind, submitted, reply, output } = spec;
    const ending = {
      job,
      kind,
      state: "succeeded",
      counts: NO_COUNTS,
      submitted,
      result,
      reply,
      output,
    } as const;
    await endJob(context, ending, signal);
    return { type: "done" };
  }

  async #runSmall(plan: ReadablePlan, chunk: number): Promise<RunEnd> {
    const { context } = this.#ground;
    const ended = this.#untilEnded(plan.spec);
    this.#source = await openSource(context, plan.input);
    const scattering = new SmallScattering(this.#scatteringGround(plan, this.#source));
    this.#scattering = scattering;
    await scattering.releaseAll(chunk);
    this.#warnIfNobody();
    const end = await ended;
    // Tasks may have been stored after whoever ended the job purged them.
    if (end.type === "done" && this.#line?.state !== "succeeded") await purgeTasks(context, this.job);
    return end;
  }

  async #runLarge(plan: ReadablePlan): Promise<RunEnd> {
    const { context } = this.#ground;
    const takeover = this.delivery.deliveries > 1;
    const cursor = takeover ? await readCursor(context, this.job) : NO_CURSOR;
    // It ended between the look for its outcome and this one; the next delivery finds the outcome.
    if (cursor.ended) throw new JobTaken(`${this.job} is over`);
    const { dispatched, version } = cursor;
    const source = await openSource(context, plan.input, { skip: dispatched.next, version });
    this.#source = source;
    const total = source.total ?? cursor.total;
    if (total === undefined && cursor.seq === 0 && (await source.take(0)).last)
      return await this.#endEmpty(plan.spec);
    // Not before: whoever hears of the fleet meanwhile would read on in the source.
    const scattering = new LargeScattering(this.#scatteringGround(plan, source), cursor, (error) =>
      this.#watch.fail(error),
    );
    this.#scattering = scattering;
    const ended = this.#untilEnded(plan.spec);
    // What is out already is known to the aggregator; without its answer a takeover would release too much.
    if (takeover) this.#watch.query();
    scattering.pump();
    this.#warnIfNobody();
    const end = await ended;
    if (end.type !== "done") return end;
    // A batch that is under way would be stored behind the purge.
    await scattering.stop();
    await this.#cleanUp(this.#line?.state);
    return end;
  }

  #scatteringGround(plan: ReadablePlan, source: Source) {
    const { context, signal, slotsFor } = this.#ground;
    return { context, plan, source, signal, slots: () => slotsFor(this.kind) };
  }

  /** Resolves when the outcome stands, the deadline has passed, the dispatcher stops or another has the job. */
  #untilEnded({ deadline }: JobSpec): Promise<RunEnd> {
    return this.#watch.untilEnded(deadline);
  }

  #onProgress(line: ProgressLine): void {
    if (line.state !== undefined) {
      this.#line = line;
      return this.noteEnded();
    }
    if (this.#line !== undefined && line.tasks < this.#line.tasks) return;
    this.#line = line;
    this.#scattering?.onProgress(line);
    // Where more was lost than fitted into the window, the rest need not wait for the next check.
    if (this.#scattering?.isAllBack) this.#losses?.look(line.items);
  }

  // ── when nothing is heard ────────────────────────────────────────────────────────────────────────────────────

  async #lookUp(): Promise<void> {
    const outcome = await readOutcome(this.#ground.context, this.job);
    if (outcome === undefined) return;
    // Whoever wrote it may have died before it answered.
    this.#answer(outcome);
    this.noteEnded();
  }

  #warnIfNobody(): void {
    const { context, slotsFor } = this.#ground;
    if (slotsFor(this.kind) === 0) context.events.emit("job.waiting", { job: this.job, kind: this.kind });
  }

  // ── when the broker lost something ────────────────────────────────────────────────────────────────────────────

  #watchLosses(): Losses {
    return new Losses({
      context: this.#ground.context,
      job: this.job,
      released: () => (this.#isEnding ? undefined : this.#scattering?.released),
      releaseAgain: async (standing) => {
        this.#line = undefined; // The aggregator may count less than it had.
        await this.#scattering?.releaseAgain(standing);
      },
      giveUp: async (error) => this.#watch.settle(await this.#endEarly("failed", error)),
    });
  }

  // ── ending early ─────────────────────────────────────────────────────────────────────────────────────────────

  async #expireUnrun(): Promise<RunEnd> {
    const end = await this.#expire();
    await closeCursor(this.#ground.context, this.job); // Of the dispatcher that had the job before.
    return end;
  }

  async #expire(): Promise<RunEnd> {
    return await this.#endEarly("expired", cutShort("expired", this.job, this.#plan?.spec.deadline));
  }

  async #endEarly(state: "expired" | "failed", error: MusterError): Promise<RunEnd> {
    this.#isEnding = true;
    const { context, signal } = this.#ground;
    const { job, kind } = this;
    const submitted = this.#plan?.spec.submitted ?? this.delivery.time;
    const { tasks = 0, items = 0, failed = 0, handlerMs = 0 } = this.#line ?? {};
    const counts = { tasks, items, failed, handlerMs, duplicates: 0 };
    await endJob(context, { job, kind, state, counts, submitted, error, reply: this.#reply }, signal);
    context.broker.publish({ subject: context.names.control("cancel"), data: JSON.stringify({ job }) });
    await purgeTasks(context, job);
    return { type: "done" };
  }

  /** Closes the cursor, so that a dispatcher that slept can release nothing more; then removes what nobody needs. */
  async #cleanUp(state: OutcomeState | undefined): Promise<void> {
    const { context } = this.#ground;
    await closeCursor(context, this.job);
    if (state !== "succeeded") await purgeTasks(context, this.job);
  }
}

/** Removes the tasks of a job that is over, and the marks of those that workers died with. */
export async function purgeTasks({ broker, names }: ActorContext, job: string): Promise<void> {
  await broker.purge(names.stream("tasks"), names.tasksOf(job));
  await broker.purge(names.stream("outcomes"), names.deaths(job, "*"));
}

function emptyResult(reduce: Parameters<typeof reducerFor>[0]): string {
  if (reduce.name === "reduce") return "null"; // A handler module's own reducer: it has nothing to work on.
  const reducer = reducerFor(reduce);
  return reducer.ordered ? "[]" : encodeJson(reducer.finish(reducer.init()));
}

function messageIn({ broker }: ActorContext, delivery: Delivery): Received | MusterError {
  try {
    return inflated(delivery, broker.maxPayload);
  } catch (error) {
    return toMusterError(error);
  }
}
