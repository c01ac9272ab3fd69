/** One task in the hands of a worker: its items run, its result stored, and only then acknowledged. */
import type { Delivery } from "../../broker/port.ts";
import { type ChunkMove, onPass, onWaited, startChunk } from "../../domain/chunk-run.ts";
import { decideDelivery } from "../../domain/delivery.ts";
import type { ItemFailure, PassResult } from "../../domain/pass.ts";
import { type Reducer, reducerFor } from "../../domain/reducers/index.ts";
import { settleChunk } from "../../domain/settle-chunk.ts";
import { InvalidRecord, PoisonTask } from "../../errors.ts";
import type { Result, Task } from "../../protocol/messages.ts";
import { HEADER } from "../../protocol/names.ts";
import { sleep } from "../../runtime/clock.ts";
import type { ActorContext } from "../context.ts";
import type { HandlerSet, LoadedHandler } from "../handlers/handler-set.ts";
import type { Executor, Inputs, PassRequest } from "../handlers/pass.ts";
import { DeathMarks } from "./deaths.ts";
import type { JobStop, JobStops } from "./job-stops.ts";
import type { ResultStore } from "./result-store.ts";
import { itemsOf, split, storeResult } from "./settle.ts";
import type { SlotQueue } from "./slot-queue.ts";

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
/** Characters of an input that a dead letter keeps at most. */
const MAX_KEPT_INPUT = 16 * 1024;

export class TaskRun {
  readonly task: Task;
  readonly delivery: Delivery;
  /** When it came, in milliseconds since 1970. */
  readonly since: number;
  readonly #ground: TaskGround;
  readonly #stop: JobStop;
  #cancelled = false;
  #begun = false;
  /** To be marked when it begins; not before, as what waits in a worker's queue is not to blame for its death. */
  #mark = false;
  #handlerMs = 0;

  constructor(ground: TaskGround, delivery: Delivery, task: Task) {
    this.#ground = ground;
    this.#stop = ground.stops.enter(task.spec.job);
    this.delivery = delivery;
    this.task = task;
    this.since = ground.context.clock.now();
  }

  get begun(): boolean {
    return this.#begun;
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

  /** Runs the task to its end; rejects for errors that nobody expected, and where the broker is away. */
  async run(): Promise<TaskEnd> {
    const marks = new DeathMarks(this.#ground.context, this.task);
    try {
      return await this.#run(marks);
    } catch (error) {
      // Whatever it was, the worker lives: it is not to be counted as a death.
      await marks.remove();
      if (this.#cancelled) return { type: "dropped", reason: "cancelled" };
      if (this.#stop.work.signal.aborted) return { type: "returned" };
      throw error;
    }
  }

  async #run(marks: DeathMarks): Promise<TaskEnd> {
    const { context, isCancelled } = this.#ground;
    const { spec } = this.task;
    const suspect = this.delivery.headers[HEADER.suspect] !== undefined;
    const deaths = this.delivery.deliveries > 1 || suspect ? await marks.read() : 0;
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
    if (step.type === "split") {
      await split(context, this.task, step.parts);
      return { type: "split" };
    }
    if (step.type === "bury") return await this.#store([buried(this.task, step.deaths)], marks, undefined);
    this.#mark = step.mark;
    return deaths > 0 || suspect ? await this.#executeAlone(marks) : await this.#execute(marks);
  }

  /** One suspect after the other, each until its mark is gone. */
  async #executeAlone(marks: DeathMarks): Promise<TaskEnd> {
    const { suspects } = this.#ground;
    const end = await suspects.run(this.task.spec.priority, () => this.#execute(marks));
    return end ?? { type: "returned" };
  }

  // ── passes ───────────────────────────────────────────────────────────────────────────────────────────────────

  async #execute(marks: DeathMarks): Promise<TaskEnd> {
    const handler = this.#ground.handlers.need(this.task.spec.kind);
    let move = startChunk({ ...this.task, settled: unreadItems(this.task) });
    for (;;) {
      const { next } = move;
      if (next.type === "done") return await this.#store(next.failures, marks, next.pieces);
      const moved =
        next.type === "wait" ? await this.#wait(move, next.ms) : await this.#pass(move, handler, marks);
      if (this.#cancelled) return { type: "dropped", reason: "cancelled" };
      if (moved === undefined) return this.#giveBack(marks);
      move = moved;
    }
  }

  /** A task that is given back did not kill its worker. */
  async #giveBack(marks: DeathMarks): Promise<TaskEnd> {
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

  async #pass(move: ChunkMove, handler: LoadedHandler, marks: DeathMarks): Promise<ChunkMove | undefined> {
    const { slots, executor, context } = this.#ground;
    const { signal } = this.#stop.work;
    const rank = this.#begun ? "begun" : this.task.spec.priority;
    const result = await slots.run(rank, () => {
      const runPass = () => executor.run(this.#request(move, handler), signal);
      const marking = this.#begin(marks);
      return marking === undefined ? runPass() : marking.then(runPass);
    });
    if (result === undefined || signal.aborted) return undefined;
    this.#handlerMs += result.handlerMs;
    this.#tellRetries(result);
    const { spec } = this.task;
    return onPass(move.state, result, {
      maxAttempts: spec.maxAttempts ?? handler.maxAttempts ?? MAX_ATTEMPTS,
      backoff: { base: spec.backoffMs, max: MAX_BACKOFF_MS },
      random: context.random,
      now: context.clock.now(),
    });
  }

  /** Only now: a task that waits in the queue of a worker that dies is not to blame. */
  #begin(marks: DeathMarks): Promise<void> | undefined {
    const marking = this.#mark && !this.#begun ? marks.add() : undefined;
    this.#begun = true;
    return marking;
  }

  #request({ next }: ChunkMove, handler: LoadedHandler): PassRequest {
    const { spec, from, count } = this.task;
    const run: Partial<Extract<ChunkMove["next"], { type: "run" }>> = next.type === "run" ? next : {};
    const { offsets, attempts } = run;
    return {
      job: spec.job,
      kind: spec.kind,
      from,
      count,
      inputs: inputsOf(this.task),
      ...(offsets === undefined ? {} : { offsets }),
      ...(attempts === undefined ? {} : { attempts }),
      reduce: spec.reduce,
      timeout: spec.timeoutMs ?? handler.timeout ?? 0,
    };
  }

  #tellRetries({ failures }: PassResult): void {
    const { job, kind } = this.task.spec;
    for (const { index, attempt, code, message } of failures) {
      this.#ground.context.events.emit("item.retried", { job, kind, index, attempt, code, message });
    }
  }

  // ── settling ─────────────────────────────────────────────────────────────────────────────────────────────────

  async #store(
    failures: readonly ItemFailure[],
    marks: DeathMarks,
    pieces: Parameters<typeof settleChunk>[1]["pieces"] = [],
  ): Promise<TaskEnd> {
    const { context } = this.#ground;
    const { spec, from, count } = this.task;
    const reducer = this.#reducer();
    const settled = settleChunk(reducer, { from, count, pieces, failures });
    const result: Result = {
      spec,
      from,
      count,
      partial: settled.partial,
      failures: settled.failures.map(({ index, code, message, attempt }) => ({
        index,
        code,
        message,
        attempts: attempt,
      })),
      handlerMs: this.#handlerMs,
      worker: context.id,
    };
    const { specText } = this.task;
    const { failures: settledFailures } = settled;
    await storeResult(
      this.#ground,
      { result, reducer, failures: settledFailures, specText },
      this.#stop.work.signal,
    );
    const unmarking = marks.remove();
    if (unmarking !== undefined) await unmarking;
    return { type: "stored", handlerMs: this.#handlerMs, failed: failures.length };
  }

  #reducer(): Reducer {
    const { spec } = this.task;
    return reducerFor(spec.reduce, this.#ground.handlers.get(spec.kind)?.reduce);
  }
}

function inputsOf({ spec, from, count, items }: Task): Inputs {
  if (spec.range === undefined) return { type: "items", json: items };
  const { start, step } = spec.range;
  return { type: "range", start: start + from * step, step, count };
}

/** Records that could not be read: there is nothing to run. */
function unreadItems({ from, invalid = [] }: Task): ItemFailure[] {
  return invalid.map(({ offset, message }) => ({
    index: from + offset,
    code: new InvalidRecord(message).code,
    message,
    permanent: true,
    attempt: 0,
  }));
}

function buried(task: Task, deaths: number): ItemFailure {
  const { code, message } = new PoisonTask(deaths);
  return { index: task.from, code, message, permanent: true, attempt: deaths, ...inputOf(task) };
}

/** The input of a single-item task, for its dead letter. */
function inputOf(task: Task): { input?: string } {
  const inputs = inputsOf(task);
  if (inputs.type === "range") return { input: String(inputs.start) };
  const [input] = itemsOf(task);
  return input === undefined || input.length > MAX_KEPT_INPUT ? {} : { input };
}
