/**
 * One partition: its results read in order, counted once, and turned into outcomes.
 *
 * What it remembers can be thrown away at any moment: the results that the checkpoints do not cover are still in the
 * stream, and an outcome that another wrote meanwhile is found when ours is refused.
 */
import type { StreamMessage, Tail } from "../../broker/port.ts";
import { type Arrival, onResult, startGather } from "../../domain/gather.ts";
import type { Reducer } from "../../domain/reducers/index.ts";
import { ResultGone, toMusterError, WriteConflict } from "../../errors.ts";
import { resultsIn } from "../../protocol/pack.ts";
import { type JobSpec, SpecDecoder } from "../../protocol/spec.ts";
import type { Standing, StandingQuestion } from "../../protocol/standing.ts";
import { Background } from "../../runtime/background.ts";
import type { Timer } from "../../runtime/clock.ts";
import { Service } from "../../runtime/service.ts";
import type { ActorContext } from "../context.ts";
import { endJob, NO_COUNTS, readOutcome } from "../outcomes.ts";
import { report } from "../report.ts";
import { type PieceCache, readObject } from "./assemble.ts";
import { decodeJobCheckpoint, readJobCheckpoints, readPosition } from "./checkpoint.ts";
import { endingOf } from "./ending.ts";
import { type LiveJob, liveJob, standingOf } from "./live-job.ts";
import { Persistence } from "./persistence.ts";
import { ProgressTeller } from "./progress-teller.ts";

export interface PartitionOptions {
  context: ActorContext;
  partition: number;
  /** The reducer of a job; throws where this aggregator does not have it. */
  reducerOf: (spec: JobSpec) => Reducer;
  cache: PieceCache;
  /** Another aggregator writes this partition: it is no longer ours. */
  onLost: (reason: string) => void;
}

/** How often state is checkpointed, and stale jobs are looked at. */
const CHECKPOINT_MS = 1_000;
const SWEEP_MS = 3_000;
const TIDY_MS = 15_000;
/** Ended jobs that are remembered, so that a late duplicate does not begin them anew. */
const ENDED = 20_000;

export class Partition extends Service {
  readonly #options: PartitionOptions;
  readonly #specs = new SpecDecoder();
  readonly #jobs = new Map<string, LiveJob>();
  readonly #ended = new Set<string>();
  readonly #background: Background;
  readonly #persistence: Persistence;
  readonly #progress: ProgressTeller;
  readonly #timers: Timer[] = [];
  /** Sequences of results whose digestion takes a while: the position must not pass them. */
  readonly #pinned = new Set<number>();
  #tail: Tail | undefined;
  /** Messages digested before the tail was at hand to be told so. */
  #early = 0;
  #position = 0;

  constructor(options: PartitionOptions) {
    super();
    this.#options = options;
    this.#persistence = new Persistence(options.context, options.partition);
    this.#progress = new ProgressTeller(options.context);
    this.#background = new Background((error) => this.#onError(error));
  }

  get jobs(): number {
    return this.#jobs.size;
  }

  /** Tells again how far a job is, if it is here: its dispatcher may have missed it. */
  tell(job: string): void {
    const live = this.#jobs.get(job);
    if (live !== undefined) this.#progress.note(live);
  }

  /** Which of the released items were not counted so far; undefined where the job is over, or this partition not ready. */
  standing(question: StandingQuestion): Standing | undefined {
    const { job } = question;
    if (this.phase !== "running" || this.#ended.has(job)) return undefined;
    const live = this.#jobs.get(job);
    return live?.ending ? undefined : standingOf(live, question, this.#digested);
  }

  /** The job is over by somebody else's hand. */
  forget(job: string): void {
    const live = this.#jobs.get(job);
    if (live !== undefined && !live.ending) this.#background.run(() => this.#drop(job, live));
  }

  protected async onStart(): Promise<void> {
    const { context, partition } = this.#options;
    const { fromSeq, revision } = await readPosition(context, partition);
    this.#persistence.begin(fromSeq, revision);
    this.#position = fromSeq - 1;
    await this.#restore();
    this.#tail = await context.broker.tail({
      stream: context.names.stream("results"),
      filter: context.names.resultFilter(partition),
      fromSeq,
      onMessage: (message) => this.#onMessage(message),
      onTrouble: (reason) =>
        context.events.emit("broker.trouble", { what: `results of partition ${partition}`, reason }),
    });
    this.#tail.release(this.#early);
    this.#timers.push(context.clock.every(CHECKPOINT_MS, () => this.#checkpointSoon()));
    this.#timers.push(context.clock.every(SWEEP_MS, () => this.#lookAround(() => this.#sweep())));
    this.#timers.push(context.clock.every(TIDY_MS, () => this.#lookAround(() => this.#tidy())));
    context.events.emit("partition.claimed", { partition, fromSeq, jobs: this.#jobs.size });
  }

  protected async onStop(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    this.#progress.stop();
    await this.#tail?.stop();
    await this.#background.settled();
    // What is checkpointed now need not be replayed by the next owner.
    if (!this.workSignal.aborted)
      await this.#checkpoint({ last: true }).catch((error) => this.#onError(error));
    for (const { state } of this.#jobs.values()) this.#options.cache.drop(state.pieces);
    this.#jobs.clear();
  }

  // ── taking over ──────────────────────────────────────────────────────────────────────────────────────────────

  async #restore(): Promise<void> {
    const { context, partition, reducerOf } = this.#options;
    for (const message of await readJobCheckpoints(context, partition)) {
      const { state, upTo, revision } = decodeJobCheckpoint(message, reducerOf);
      const live = liveJob(state, reducerOf(state.spec), context.clock.now());
      Object.assign(live, { revision, checkpointed: upTo, dirty: false });
      if ((await readOutcome(context, state.spec.job)) === undefined) this.#jobs.set(state.spec.job, live);
      else await this.#persistence.removeJob(state.spec.job, live);
    }
    for (const live of this.#jobs.values()) this.#progress.note(live);
  }

  // ── counting ─────────────────────────────────────────────────────────────────────────────────────────────────

  #onMessage(message: StreamMessage): void {
    const { broker, clock } = this.#options.context;
    const now = clock.now();
    this.#unlessInvalid(message, () => {
      for (const { result, bytes } of resultsIn(message, this.#specs, broker.maxPayload))
        this.#unlessInvalid(message, () => this.#take({ result, bytes, seq: message.seq, now }));
    });
    this.#position = message.seq;
    if (this.#tail === undefined) this.#early++;
    else this.#tail.release(1);
  }

  /** A message that is no result of ours, or a part of one that is not, disturbs nothing else. */
  #unlessInvalid({ subject }: StreamMessage, take: () => void): void {
    try {
      take();
    } catch (error) {
      const { code, message } = toMusterError(error);
      this.#options.context.events.emit("message.invalid", { subject, code, message });
    }
  }

  #take(arrival: Arrival): void {
    const { result, seq } = arrival;
    if (this.#ended.has(result.spec.job)) return;
    const live = this.#jobs.get(result.spec.job) ?? this.#begin(result.spec, seq);
    if (live === undefined) return;
    if (result.object === undefined || live.reducer.ordered) return this.#count(live, arrival);
    this.#pin(seq, () => this.#takeObject(live, arrival));
  }

  /** A partial that lies in the object store is read before it is combined. */
  async #takeObject(live: LiveJob, arrival: Arrival): Promise<void> {
    const { context } = this.#options;
    const { result } = arrival;
    try {
      const partial = await readObject(context, result.object ?? "");
      this.#count(live, { ...arrival, result: { ...result, partial }, now: context.clock.now() });
    } catch (error) {
      if (!(error instanceof ResultGone)) throw error;
      this.#tellGone(result.spec.job, error);
    }
  }

  /** Until the work is done, a takeover would replay from here. */
  #pin(seq: number, work: () => Promise<void>): void {
    this.#pinned.add(seq);
    this.#background.run(async () => {
      await work();
      this.#pinned.delete(seq);
    });
  }

  #begin(spec: JobSpec, seq: number): LiveJob | undefined {
    const { context, reducerOf } = this.#options;
    try {
      const reducer = reducerOf(spec);
      const live = liveJob(startGather(spec, reducer), reducer, context.clock.now());
      this.#jobs.set(spec.job, live);
      return live;
    } catch (error) {
      this.#pin(seq, () => this.#failUnread(spec, error));
      return undefined;
    }
  }

  #count(live: LiveJob, arrival: Arrival): void {
    const { result, now } = arrival;
    live.lastArrival = now;
    live.dirty = true;
    if (onResult(live.state, live.reducer, arrival) === "duplicate") return;
    const piece = live.state.pieces.at(-1);
    if (piece !== undefined && result.object === undefined) this.#options.cache.add(piece, result.partial);
    this.#progress.note(live);
    if (live.state.verdict !== undefined) this.#end(live);
  }

  // ── ending ───────────────────────────────────────────────────────────────────────────────────────────────────

  #end(live: LiveJob): void {
    if (live.ending) return;
    live.ending = true;
    this.#background.run(async () => {
      const { context } = this.#options;
      try {
        await endJob(context, endingOf(context, live), this.workSignal);
      } catch (error) {
        if (error instanceof ResultGone) return this.#uncount(live, error);
        throw error;
      }
      await this.#drop(live.state.spec.job, live);
    });
  }

  /** What an ordered job had counted is gone before its end: it begins anew, when its dispatcher notices. */
  #uncount({ state }: LiveJob, error: ResultGone): void {
    const { job } = state.spec;
    this.#options.cache.drop(state.pieces);
    this.#jobs.delete(job);
    this.#tellGone(job, error);
  }

  /** Its items count as missing from now on, which the job's dispatcher will notice. */
  #tellGone(job: string, { code, message }: ResultGone): void {
    const { context, partition } = this.#options;
    context.events.emit("message.invalid", { subject: context.names.result(partition, job), code, message });
  }

  /** A job whose reducer this aggregator cannot make: it can only fail. */
  async #failUnread(spec: JobSpec, error: unknown): Promise<void> {
    const { context } = this.#options;
    this.#remember(spec.job);
    await endJob(
      context,
      {
        job: spec.job,
        kind: spec.kind,
        state: "failed",
        counts: NO_COUNTS,
        submitted: spec.submitted,
        error: toMusterError(error),
        reply: spec.reply,
      },
      this.workSignal,
    );
  }

  async #drop(job: string, live: LiveJob): Promise<void> {
    this.#remember(job);
    this.#jobs.delete(job);
    this.#progress.forget(live);
    this.#options.cache.drop(live.state.pieces);
    await this.#persistence.removeJob(job, live);
  }

  #remember(job: string): void {
    this.#ended.add(job);
    if (this.#ended.size <= ENDED) return;
    for (const oldest of this.#ended) {
      this.#ended.delete(oldest);
      return;
    }
  }

  /** Where the broker does not answer, nothing is wrong with what is remembered: the next look will do. */
  #lookAround(look: () => Promise<void>): void {
    const { context, partition } = this.#options;
    this.#background.run(() => look().catch((error) => report(context, `partition ${partition}`, error)));
  }

  /** Jobs of which nothing came lately may be over: cancelled, expired, or begun by a late duplicate. */
  async #sweep(): Promise<void> {
    const { context } = this.#options;
    const now = context.clock.now();
    for (const [job, live] of this.#jobs) {
      if (live.ending || now - live.lastArrival < SWEEP_MS) continue;
      live.lastArrival = now;
      if ((await readOutcome(context, job)) !== undefined) await this.#drop(job, live);
    }
  }

  /** A checkpoint whose write seemed to fail may have been stored after the end of its job, when nobody removes it. */
  async #tidy(): Promise<void> {
    const { context, partition } = this.#options;
    const { broker, names } = context;
    const newest = await broker.last(names.stream("outcomes"), names.jobCheckpoint(partition, "*"));
    if (newest === undefined) return;
    const job = names.lastToken(newest.subject);
    if (this.#jobs.has(job) || (await readOutcome(context, job)) === undefined) return;
    await broker.purge(names.stream("outcomes"), newest.subject);
  }

  // ── lasting ──────────────────────────────────────────────────────────────────────────────────────────────────

  #checkpointSoon(): void {
    // The one before may still be at it: the broker is slow or away.
    if (!this.#persistence.busy) this.#background.run(() => this.#checkpoint());
  }

  /** All results up to this sequence were counted. */
  get #digested(): number {
    return Math.min(this.#position, ...[...this.#pinned].map((seq) => seq - 1));
  }

  async #checkpoint(how: { last?: boolean } = {}): Promise<void> {
    try {
      const written = await this.#persistence.checkpoint(this.#digested, this.#jobs, how);
      if (written) this.#options.context.events.emit("checkpoint.written", written);
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error;
      this.#options.onLost(error.message);
    }
  }

  #onError(error: unknown): void {
    if (this.workSignal.aborted || this.fetchSignal.aborted) return;
    const { context, partition, onLost } = this.#options;
    report(context, `partition ${partition}`, error);
    // Whatever it was, the truth is in the streams: begin anew from there.
    onLost(String(error));
  }
}
