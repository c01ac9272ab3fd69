/** One task in the hands of a worker: its items run, its result stored, and only then acknowledged. */
import type { Delivery } from "../../broker/port.ts";
import { type ChunkMove, onPass, onWaited, startChunk } from "../../domain/chunk-run.ts";
import { decideDelivery } from "../../domain/delivery.ts";
import type { ItemFailure, PassResult, Piece } from "../../domain/pass.ts";
import { type Reducer, type ReduceSpec, reducerFor } from "../../domain/reducers/index.ts";
import { type ChunkOutcome, settleChunk } from "../../domain/settle-chunk.ts";
import { OutputRefused } from "../../errors.ts";
import type { Task } from "../../protocol/messages.ts";
import { HEADER } from "../../protocol/names.ts";
import { ITEM_ROOM } from "../../protocol/records/record.ts";
import type { ItemRange, JobSpec } from "../../protocol/spec.ts";
import { sleep } from "../../runtime/clock.ts";
import { type MaybePromise, orElse, whenThere } from "../../runtime/maybe.ts";
import type { ActorContext } from "../context.ts";
import type { HandlerSet, LoadedHandler } from "../handlers/handler-set.ts";
import type { Executor, PassRequest } from "../handlers/pass.ts";
import { SPLITTER_TIMEOUT } from "../handlers/splitter.ts";
import { uncountedItems } from "../standing.ts";
import { addPass, type Effort, resultOf } from "./chunk-result.ts";
import { DeathMarks } from "./deaths.ts";
import type { JobStop, JobStops } from "./job-stops.ts";
import { publishOutputs } from "./publish-outputs.ts";
import type { ResultStore } from "./result-store.ts";
import { failJob, split, storeResult } from "./settle.ts";
import type { SlotQueue } from "./slot-queue.ts";
import { SplitFile } from "./split-file.ts";
import { buried, inputsOf, unreadItems } from "./task-items.ts";

/** What a run needs of its worker. */
export interface TaskGround {
  context: ActorContext;
  handlers: HandlerSet;
  executor: Executor;
  results: ResultStore;
  slots: SlotQueue;
  stops: JobStops;
  /** Lets one task at a time run of those that a worker died with, so that the one to blame takes no other with it again. */
  suspects: SlotQueue;
  isCancelled(job: string): boolean;
}

/** How a run ended. */
export type TaskEnd =
  | { type: "stored"; handlerMs: number; failed: number }
  | { type: "dropped"; reason: string }
  | { type: "split" }
  /** Not finished here: another worker gets it at once. */
  | { type: "returned" };

const MAX_ATTEMPTS = 3;
const MAX_BACKOFF_MS = 30_000;

export class TaskRun {
  readonly task: Task;
  readonly delivery: Delivery;
  /** When it came, in milliseconds since 1970. */
  readonly since: number;
  readonly #ground: TaskGround;
  readonly #stop: JobStop;
  #cancelled = false;
  readonly #effort: Effort = { began: undefined, handlerMs: 0, attempts: 0 };
  /** To be marked when it begins; not before, as what waits in a worker's queue is not to blame for its death. */
  #mark = false;
  /** Of a task that is to be split into items. */
  #splitFile: SplitFile | undefined;

  constructor(ground: TaskGround, delivery: Delivery, task: Task) {
    this.#ground = ground;
    this.#stop = ground.stops.enter(task.spec.job);
    this.delivery = delivery;
    this.task = task;
    this.since = ground.context.clock.now();
  }

  get begun(): boolean {
    return this.#effort.began !== undefined;
  }

  /** The job is over: what runs is aborted, and the task is not given back. */
  cancel(): void {
    this.#cancelled = true;
    this.abort();
  }

  /** The worker leaves: a task that waits for its next attempt is given back, what runs goes on. */
  drain(): void {
    this.#stop.patience.abort(new Error("the worker drains"));
  }

  /** The worker must end: what runs is aborted, and the task is given back. */
  abort(): void {
    this.drain();
    this.#stop.work.abort(new Error("the work was aborted"));
  }

  /** Runs the task to its end. @throws errors that nobody expected, and where the broker is away */
  run(): MaybePromise<TaskEnd> {
    const marks = new DeathMarks(this.#ground.context, this.task);
    return orElse(
      () => (this.task.spec.split ? this.#runSplitter(marks) : this.#run(marks)),
      (error) => this.#failed(error, marks),
    );
  }

  async #runSplitter(marks: DeathMarks): Promise<TaskEnd> {
    this.#splitFile = await SplitFile.create();
    try {
      return await this.#run(marks);
    } finally {
      await this.#splitFile.remove();
    }
  }

  async #failed(error: unknown, marks: DeathMarks): Promise<TaskEnd> {
    // Whatever it was, the worker lives: it is not to be counted as a death.
    await marks.remove();
    if (error instanceof OutputRefused) return await this.#failJob(error);
    if (this.#cancelled) return { type: "dropped", reason: "cancelled" };
    if (this.#stop.work.signal.aborted) return { type: "returned" };
    throw error;
  }

  /** The outputs cannot go where they are to go: no task of this job will fare better. */
  async #failJob(error: OutputRefused): Promise<TaskEnd> {
    await failJob(this.#ground.context, { spec: this.task.spec, error }, this.#stop.work.signal);
    return { type: "dropped", reason: error.code };
  }

  #run(marks: DeathMarks): MaybePromise<TaskEnd> {
    const deaths = this.#comesAgain ? marks.read() : 0;
    return whenThere(deaths, (count) => this.#decide(marks, count));
  }

  #decide(marks: DeathMarks, deaths: number): MaybePromise<TaskEnd> {
    const { context, isCancelled } = this.#ground;
    const { spec } = this.task;
    const suspect = this.#isSuspect;
    const step = decideDelivery({
      spec,
      range: this.task,
      deliveries: this.delivery.deliveries,
      deaths,
      suspect,
      cancelled: isCancelled(spec.job),
      now: context.clock.now(),
    });
    if (step.type === "drop") return { type: "dropped", reason: step.reason };
    if (step.type === "split") return this.#split(step.parts);
    if (step.type === "bury") return this.#bury(step.deaths, marks);
    this.#mark = step.mark;
    return deaths > 0 || suspect ? this.#executeAlone(marks) : this.#execute(marks);
  }

  async #split(parts: readonly ItemRange[]): Promise<TaskEnd> {
    await split(this.#ground.context, this.task, parts);
    return { type: "split" };
  }

  /**
   * Its single item fails for good, unless a result has it: a worker that dies between storing it and acknowledging the task
   * has died with it, too.
   */
  async #bury(deaths: number, marks: DeathMarks): Promise<TaskEnd> {
    const { patience } = this.#stop;
    try {
      const missing = await uncountedItems(this.#ground.context, this.task, patience.signal);
      if (missing.length === 0) return { type: "dropped", reason: "counted" };
    } catch (error) {
      if (patience.signal.aborted) return await this.#leave(marks);
      throw error;
    }
    return await this.#store([buried(this.task, deaths)], marks);
  }

  /** One suspect after the other, each until its mark is gone. */
  async #executeAlone(marks: DeathMarks): Promise<TaskEnd> {
    const { suspects } = this.#ground;
    const end = await suspects.run(this.task.spec.priority, () => this.#execute(marks));
    return end ?? { type: "returned" };
  }

  // ── passes ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** The first pass settles nearly every chunk, and where its handler waits for nothing, nor does this. */
  #execute(marks: DeathMarks): MaybePromise<TaskEnd> {
    const { from, count } = this.task;
    const move = startChunk({ from, count, settled: unreadItems(this.task) });
    const moved = move.next.type === "run" ? this.#pass(move, marks) : move;
    return whenThere(moved, (there) => (isOpen(there) ? this.#goOn(there, marks) : this.#end(there, marks)));
  }

  async #goOn(open: ChunkMove, marks: DeathMarks): Promise<TaskEnd> {
    let move: ChunkMove | undefined = open;
    while (isOpen(move) && !this.#cancelled) {
      const { next }: ChunkMove = move;
      move = next.type === "wait" ? await this.#wait(move, next.ms) : await this.#pass(move, marks);
    }
    return await this.#end(move, marks);
  }

  #end(move: ChunkMove | undefined, marks: DeathMarks): MaybePromise<TaskEnd> {
    if (this.#cancelled || move?.next.type !== "done") return this.#leave(marks);
    return this.#store(move.next.failures, marks, move.next.pieces);
  }

  /** Not finished here. A task that is given back did not kill its worker. */
  async #leave(marks: DeathMarks): Promise<TaskEnd> {
    if (this.#cancelled) return { type: "dropped", reason: "cancelled" };
    await marks.remove();
    return { type: "returned" };
  }

  async #wait(move: ChunkMove, ms: number): Promise<ChunkMove | undefined> {
    const { context } = this.#ground;
    try {
      await sleep(context.clock, ms, this.#stop.patience.signal);
      return onWaited(move.state, context.clock.now());
    } catch {
      return undefined; // Draining: whoever gets the task begins it anew.
    }
  }

  /** Undefined where it did not come to its end here. */
  #pass(move: ChunkMove, marks: DeathMarks): MaybePromise<ChunkMove | undefined> {
    const { slots, handlers } = this.#ground;
    const handler = handlers.need(this.task.spec.kind);
    const rank = this.begun ? "begun" : this.task.spec.priority;
    const result = slots.run(rank, () => this.#runPass(move, handler, marks));
    return whenThere(result, (there) => this.#moved(move, handler, there));
  }

  #runPass(move: ChunkMove, handler: LoadedHandler, marks: DeathMarks): MaybePromise<PassResult> {
    const run = () => this.#ground.executor.run(this.#request(move, handler), this.#stop.work.signal);
    return whenThere(this.#begin(marks), run);
  }

  #moved(
    { state }: ChunkMove,
    handler: LoadedHandler,
    result: PassResult | undefined,
  ): ChunkMove | undefined {
    if (result === undefined || this.#stop.work.signal.aborted) return undefined;
    const { random, clock } = this.#ground.context;
    addPass(this.#effort, result);
    this.#tellRetries(result);
    const { spec } = this.task;
    return onPass(state, result, {
      maxAttempts: spec.maxAttempts ?? handler.maxAttempts ?? MAX_ATTEMPTS,
      backoff: { base: spec.backoffMs, max: MAX_BACKOFF_MS },
      random,
      now: clock.now(),
    });
  }

  /** Only now: a task that waits in the queue of a worker that dies is not to blame. */
  #begin(marks: DeathMarks): MaybePromise<void> {
    const marking = this.#mark && !this.begun ? marks.add() : undefined;
    this.#effort.began ??= this.#ground.context.clock.now();
    return marking;
  }

  #request({ next }: ChunkMove, handler: LoadedHandler): PassRequest {
    const { spec, from, count } = this.task;
    const run: Partial<Extract<ChunkMove["next"], { type: "run" }>> = next.type === "run" ? next : {};
    const file = this.#splitFile?.path;
    const request: PassRequest = {
      job: spec.job,
      kind: spec.kind,
      from,
      count,
      inputs: inputsOf(this.task),
      reduce: reduceInPass(spec),
      timeout:
        file === undefined
          ? (spec.timeoutMs ?? handler.timeout ?? 0)
          : (handler.split?.timeout ?? SPLITTER_TIMEOUT),
    };
    if (run.offsets !== undefined) request.offsets = run.offsets;
    if (run.attempts !== undefined) request.attempts = run.attempts;
    if (file !== undefined)
      request.splitTo = { file, maxChunkBytes: this.#ground.context.broker.maxPayload - ITEM_ROOM };
    return request;
  }

  #tellRetries({ failures }: PassResult): void {
    const { job, kind } = this.task.spec;
    for (const { index, attempt, code, message } of failures) {
      this.#ground.context.events.emit("item.retried", { job, kind, index, attempt, code, message });
    }
  }

  // ── settling ─────────────────────────────────────────────────────────────────────────────────────────────────

  #store(
    failures: readonly ItemFailure[],
    marks: DeathMarks,
    pieces: readonly Piece[] = [],
  ): MaybePromise<TaskEnd> {
    const { spec, from, count } = this.task;
    const settled = settleChunk(this.#reducer(reduceInPass(spec)), { from, count, pieces, failures });
    const partial = this.#goesElsewhere ? this.#broughtThere(settled, pieces) : settled.partial;
    return whenThere(partial, (there) => this.#storeSettled(settled, there, marks));
  }

  #storeSettled(settled: ChunkOutcome, partial: string, marks: DeathMarks): Promise<TaskEnd> {
    const { context, slots } = this.#ground;
    const { spec, specText } = this.task;
    const by = { worker: context.id, slots: slots.slots, now: context.clock.now() };
    const result = resultOf(this.task, settled, { partial, effort: this.#effort, by });
    const { failures } = settled;
    const whole = { result, reducer: this.#reducer(spec.reduce), failures, specText };
    const end: TaskEnd = { type: "stored", handlerMs: this.#effort.handlerMs, failed: failures.length };
    return storeResult(this.#ground, whole, this.#stop.work.signal).then(() =>
      whenThere(marks.remove(), () => end),
    );
  }

  get #comesAgain(): boolean {
    return this.delivery.deliveries > 1 || this.#isSuspect;
  }

  /** It is a part of a task that workers died with. */
  get #isSuspect(): boolean {
    return this.delivery.headers[HEADER.suspect] !== undefined;
  }

  get #goesElsewhere(): boolean {
    return this.#splitFile !== undefined || this.task.spec.output?.type === "subject";
  }

  /** Items that were made, and outputs that are published, are brought there before anyone hears of them. */
  async #broughtThere(
    { partial, failures, outputs }: ChunkOutcome,
    pieces: readonly Piece[],
  ): Promise<string> {
    const { context } = this.#ground;
    const { job, output } = this.task.spec;
    if (this.#splitFile !== undefined)
      return failures.length > 0 ? partial : JSON.stringify([await this.#splitFile.ship(context, job)]);
    const subject = output?.type === "subject" ? output.subject : "";
    await publishOutputs(context, { job, subject, pieces }, this.#stop.work.signal);
    return String(outputs);
  }

  #reducer(reduce: ReduceSpec): Reducer {
    return reducerFor(reduce, this.#ground.handlers.get(this.task.spec.kind)?.reduce);
  }
}

/** There is something left to run. */
function isOpen(move: ChunkMove | undefined): move is ChunkMove {
  return move !== undefined && move.next.type !== "done";
}

/** Outputs that are published one by one are collected; the result then only counts them. */
function reduceInPass({ reduce, output }: JobSpec): ReduceSpec {
  return output?.type === "subject" ? { name: "collect", params: {} } : reduce;
}
