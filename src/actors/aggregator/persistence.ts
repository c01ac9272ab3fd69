/**
 * What a partition writes so that another can take over: the state of its jobs, then the position from which to replay,
 * never the other way round; and behind the position the results are trimmed.
 *
 * Every write expects the last one of ours, so that of two aggregators which believe they own the partition the later
 * is refused, drops its memory, and reads the truth again.
 */
import { pauseAfter } from "../../domain/checkpoint-pace.ts";
import { PayloadTooLarge } from "../../errors.ts";
import type { ActorContext } from "../context.ts";
import { encodeJobCheckpoint, writePosition } from "./checkpoint.ts";
import { type LiveJob, neededFrom } from "./live-job.ts";

/** Jobs younger than this are not checkpointed: most end sooner, and replaying them is cheaper. */
const YOUNG_MS = 1_000;
/** The results of a job of at least so many tasks are purged when it ends; those of others with the position. */
const PURGE_TASKS = 64;

export interface Checkpointed {
  partition: number;
  seq: number;
  jobs: number;
}

export class Persistence {
  readonly #context: ActorContext;
  readonly #partition: number;
  #fromSeq = 1;
  #revision = 0;
  /** The results below this sequence are gone. Behind `#fromSeq` where a purge failed, or a predecessor died before it. */
  #trimmed = 1;
  #busy = false;

  constructor(context: ActorContext, partition: number) {
    this.#context = context;
    this.#partition = partition;
  }

  get busy(): boolean {
    return this.#busy;
  }

  begin(fromSeq: number, revision: number): void {
    this.#fromSeq = fromSeq;
    this.#revision = revision;
  }

  /**
   * Writes what changed, as often as its pace allows, or at last; `position` is the last sequence that `jobs` have taken in.
   * @throws WriteConflict when another aggregator wrote the partition
   */
  async checkpoint(
    position: number,
    jobs: ReadonlyMap<string, LiveJob>,
    { last = false }: { last?: boolean } = {},
  ): Promise<Checkpointed | undefined> {
    this.#busy = true;
    try {
      // Encoded at once, in one turn of the event loop: states of one moment, which is `position`.
      const due = this.#changed(jobs).filter((live) => last || this.#isDue(live));
      const written = await Promise.all(due.map((live) => this.#writing(live, position)));
      const fromSeq = Math.min(position + 1, ...[...jobs.values()].map(neededFrom));
      const isAhead = fromSeq > this.#fromSeq;
      if (isAhead) await this.#advance(fromSeq);
      await this.#trim();
      return isAhead ? { partition: this.#partition, seq: fromSeq, jobs: written.length } : undefined;
    } finally {
      this.#busy = false;
    }
  }

  /** The job is over: its checkpoint goes, and its results where they are many. */
  async removeJob(job: string, live: LiveJob): Promise<void> {
    const { broker, names } = this.#context;
    await live.writing?.catch(() => {}); // Its own caller hears of it; here only its message must not outlive the job.
    if (live.revision > 0)
      await broker.purge(names.stream("outcomes"), names.jobCheckpoint(this.#partition, job));
    if (live.state.tasks >= PURGE_TASKS)
      await broker.purge(names.stream("results"), names.result(this.#partition, job));
  }

  #isDue({ nextCheckpoint }: LiveJob): boolean {
    return this.#context.clock.monotonic() >= nextCheckpoint;
  }

  #changed(jobs: ReadonlyMap<string, LiveJob>): LiveJob[] {
    const now = this.#context.clock.now();
    return [...jobs.values()].filter(({ state, reducer, dirty, ending }) => {
      return dirty && !ending && !reducer.ordered && now - (state.started ?? now) >= YOUNG_MS;
    });
  }

  #writing(live: LiveJob, position: number): Promise<void> {
    live.writing = this.#writeJob(live, position).finally(() => {
      live.writing = undefined;
    });
    return live.writing;
  }

  async #writeJob(live: LiveJob, position: number): Promise<void> {
    const { broker, names, clock } = this.#context;
    const began = clock.monotonic();
    const subject = names.jobCheckpoint(this.#partition, live.state.spec.job);
    const data = encodeJobCheckpoint(live.state, live.reducer, position);
    live.dirty = false;
    try {
      const stored = await broker.store({ subject, data, expectLast: live.revision });
      live.revision = stored.seq;
      live.checkpointed = position;
    } catch (error) {
      // A state larger than a message is not kept: its results stay in the stream and are replayed.
      if (!(error instanceof PayloadTooLarge)) throw error;
    } finally {
      const ended = clock.monotonic();
      live.nextCheckpoint = ended + pauseAfter(ended - began);
    }
  }

  async #advance(fromSeq: number): Promise<void> {
    this.#revision = await writePosition(this.#context, this.#partition, {
      fromSeq,
      revision: this.#revision,
    });
    this.#fromSeq = fromSeq;
  }

  async #trim(): Promise<void> {
    const { broker, names } = this.#context;
    const fromSeq = this.#fromSeq;
    if (fromSeq <= this.#trimmed) return;
    await broker.purge(names.stream("results"), names.resultFilter(this.#partition), fromSeq);
    this.#trimmed = fromSeq;
  }
}
