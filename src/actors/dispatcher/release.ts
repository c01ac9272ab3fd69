/** Letting out tasks: plainly for small jobs, in atomic batches with the cursor for large ones. */
import type { StoreMessage } from "../../broker/port.ts";
import { type Dispatched, nextChunks, onReleased, onTotal, type ScatterState } from "../../domain/scatter.ts";
import { WriteConflict, WriteUnknown } from "../../errors.ts";
import type { ItemRange, JobSpec } from "../../protocol/spec.ts";
import { backoffMs } from "../../runtime/backoff.ts";
import { sleep } from "../../runtime/clock.ts";
import type { ActorContext } from "../context.ts";
import { isPassing, STORE_RETRY, storeSurely } from "../store-surely.ts";
import { TaskWriter } from "../tasks.ts";
import { type Cursor, cursorMessage, readCursor } from "./cursor.ts";
import type { Source } from "./source.ts";

/** Tasks of a batch at most: the server takes 1000 messages, the cursor included. */
export const MAX_BATCH_TASKS = 999;
/** Bytes of a batch at most, so that a dispatcher's memory stays bounded. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024;

/**
 * Publishes all tasks of a small job, pipelined. Their bounds depend on the body alone, so after a takeover, or when an
 * answer was lost, they are simply published again: gathering ignores the doubles.
 */
export async function releaseSmall(
  context: ActorContext,
  { spec, chunk, source }: { spec: JobSpec; chunk: number; source: Source },
  signal: AbortSignal,
): Promise<number> {
  const writer = new TaskWriter(context, spec);
  const stores: Promise<unknown>[] = [];
  for (let from = 0; from < (source.total ?? 0); ) {
    const taken = await source.take(chunk);
    const range = { from, count: taken.count };
    stores.push(storeSurely(context, writer.message(range, taken), signal));
    from += taken.count;
  }
  await Promise.all(stores);
  return stores.length;
}

/** Another dispatcher has the job: its cursor is ahead of ours, or the job is over. */
export class JobTaken extends Error {}

/** Releases a large job, batch by batch, as its window allows. */
export class Releaser {
  readonly #context: ActorContext;
  readonly #spec: JobSpec;
  readonly #source: Source;
  readonly #writer: TaskWriter;
  #cursor: Cursor;
  /** The source has no more. */
  #exhausted = false;

  constructor(context: ActorContext, parts: { spec: JobSpec; source: Source; cursor: Cursor }) {
    this.#context = context;
    this.#spec = parts.spec;
    this.#source = parts.source;
    this.#cursor = parts.cursor;
    this.#writer = new TaskWriter(context, parts.spec);
  }

  /**
   * Releases what the window allows now; returns the state unchanged when that is nothing.
   * @throws JobTaken when another dispatcher moved the cursor
   */
  async release(state: ScatterState, slots: number, signal: AbortSignal): Promise<ScatterState> {
    if (this.#exhausted) return state;
    const fleet = { slots, itemBytes: this.#source.itemBytes, most: MAX_BATCH_TASKS };
    const planned = nextChunks(state, fleet);
    if (planned.length === 0) return state;
    const batch = await this.#take(state, planned);
    const next = onReleased(batch.total === undefined ? state : onTotal(state, batch.total), batch.chunks);
    await this.#store(batch.messages, next, signal);
    const { job } = this.#spec;
    this.#context.events.emit("tasks.released", {
      job,
      tasks: batch.chunks.length,
      next: next.dispatched.next,
    });
    return next;
  }

  /**
   * Stores tasks that got lost once more, and with them the cursor, so that no dispatcher but the job's does.
   * @throws JobTaken when another dispatcher moved the cursor
   */
  async releaseAgain(
    messages: readonly StoreMessage[],
    next: ScatterState,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#store(messages, next, signal);
  }

  /** Of the input as it was read. */
  get version(): string | undefined {
    return this.#source.version;
  }

  /** Takes the planned chunks from the source, which may give fewer items than planned. */
  async #take(state: ScatterState, planned: readonly ItemRange[]) {
    const chunks: ItemRange[] = [];
    const messages: StoreMessage[] = [];
    let from = state.dispatched.next;
    let total = state.limits.total;
    for (let bytes = 0; chunks.length < planned.length && bytes < MAX_BATCH_BYTES && !this.#exhausted; ) {
      const taken = await this.#source.take(planned[chunks.length]?.count ?? 1);
      if (taken.last) {
        this.#exhausted = true;
        total = from + taken.count;
      }
      const chunk = { from, count: taken.count };
      chunks.push(chunk);
      messages.push(this.#writer.message(chunk, taken, total));
      from += taken.count;
      bytes += taken.items.length;
    }
    return { chunks, messages, total };
  }

  /** Stores tasks and cursor together. No answer means that it may have happened: the cursor tells. */
  async #store(messages: readonly StoreMessage[], next: ScatterState, signal: AbortSignal): Promise<void> {
    const { dispatched, limits } = next;
    const { version } = this.#source;
    const move = { before: this.#cursor, dispatched, total: limits.total, version };
    const cursor = cursorMessage(this.#context, this.#spec.job, move);
    for (let attempt = 1; ; attempt++) {
      try {
        const { seq } = await this.#context.broker.storeBatch([...messages, cursor]);
        this.#cursor = { dispatched, total: limits.total, version, by: this.#context.id, ended: false, seq };
        return;
      } catch (error) {
        if (await this.#happened(error, dispatched)) return;
        await sleep(this.#context.clock, backoffMs(STORE_RETRY, attempt, this.#context.random), signal);
      }
    }
  }

  /** Whether a batch that seemed to fail is stored after all. @throws JobTaken, or what waiting cannot mend */
  async #happened(error: unknown, dispatched: Dispatched): Promise<boolean> {
    const lostRace = error instanceof WriteConflict;
    if (!lostRace && !isPassing(error)) throw error;
    this.#context.events.emit("broker.trouble", {
      what: `batch of ${this.#spec.job}`,
      reason: String(error),
    });
    if (!lostRace && !(error instanceof WriteUnknown)) return false;
    const cursor = await readCursor(this.#context, this.#spec.job);
    const isMoved = cursor.seq !== this.#cursor.seq && isSame(cursor.dispatched, dispatched);
    if (isMoved && cursor.by === this.#context.id && !cursor.ended) {
      this.#cursor = cursor;
      return true;
    }
    if (cursor.seq === this.#cursor.seq && !lostRace) return false;
    throw new JobTaken(`the cursor of ${this.#spec.job} was moved by another dispatcher`);
  }
}

function isSame(a: Dispatched, b: Dispatched): boolean {
  return a.next === b.next && a.tasks === b.tasks;
}
