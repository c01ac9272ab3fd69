/** The tasks of a job on their way out: all at once for a small job, as its window allows for a large one. */
import {
  chunkAgain,
  isDispatched,
  onGathered,
  onReleasedAgain,
  type ScatterState,
  startScatter,
  tasksOut,
  windowOf,
} from "../../domain/scatter.ts";
import type { ProgressLine } from "../../protocol/progress.ts";
import type { JobSpec } from "../../protocol/spec.ts";
import type { Standing } from "../../protocol/standing.ts";
import type { ActorContext } from "../context.ts";
import { storeSurely } from "../store-surely.ts";
import type { Cursor } from "./cursor.ts";
import type { ReadablePlan } from "./readable-plan.ts";
import { MAX_BATCH_TASKS, Releaser, releaseSmall } from "./release.ts";
import { tasksAgain } from "./release-again.ts";
import type { Source } from "./source.ts";

/** What a job's run asks of its scattering. */
export interface Scattering {
  /** How many items the job has, where that is known by now. */
  readonly total: number | undefined;
  /** Tasks that are out and not yet back, as far as is counted. */
  readonly tasksOut: number;
  /** Whether every task came back that was let out with a window; the job is not over then. */
  readonly isAllBack: boolean;
  /** Items that are out or back; undefined while some are being released. */
  readonly released: number | undefined;
  /** How far the job has come: there may be room for more. */
  onProgress(line: ProgressLine): void;
  /** More workers, or fewer: there may be room for more. */
  onFleet(): void;
  /** Releases what the broker has lost. */
  releaseAgain(standing: Standing): Promise<void>;
  /** Releases no more; resolves when nothing is under way. */
  stop(): Promise<void>;
}

export interface ScatteringGround {
  context: ActorContext;
  plan: ReadablePlan;
  source: Source;
  /** Slots of the workers that serve the job's kind, as far as is known. */
  slots(): number;
  /** Aborts when the dispatcher stops. */
  signal: AbortSignal;
}

/** A job of few tasks: all of them are let out at once. */
export class SmallScattering implements Scattering {
  readonly tasksOut = 0;
  readonly isAllBack = false;
  readonly #ground: ScatteringGround;
  #isOut = false;

  constructor(ground: ScatteringGround) {
    this.#ground = ground;
  }

  get total(): number | undefined {
    return this.#spec.total;
  }

  get released(): number | undefined {
    return this.#isOut ? this.total : undefined;
  }

  get #spec(): JobSpec {
    return this.#ground.plan.spec;
  }

  async releaseAll(chunk: number): Promise<void> {
    const { context, source, signal } = this.#ground;
    await releaseSmall(context, { spec: this.#spec, chunk, source }, signal);
    this.#isOut = true;
  }

  onProgress(): void {}

  onFleet(): void {}

  async releaseAgain({ missing }: Standing): Promise<void> {
    const { context, plan, signal } = this.#ground;
    const { spec, input, smallChunk: chunk = 1 } = plan;
    const bounds = { version: undefined, total: spec.total, chunk, most: Number.POSITIVE_INFINITY };
    const messages = await tasksAgain(context, { spec, input, missing, ...bounds });
    await Promise.all(messages.map((message) => storeSurely(context, message, signal)));
  }

  async stop(): Promise<void> {}
}

/** A large job: batch by batch, each with the job's cursor. */
export class LargeScattering implements Scattering {
  readonly #ground: ScatteringGround;
  readonly #releaser: Releaser;
  readonly #onError: (error: unknown) => void;
  #state: ScatterState;
  #isReleasing = false;
  /** There was news while a batch was stored. */
  #isDueAgain = false;
  #isStopped = false;
  /** The batch that is under way, or was last. */
  #releasing: Promise<void> | undefined;

  /** `onError` hears of what ends the job's run here: JobTaken, or what waiting cannot mend. */
  constructor(ground: ScatteringGround, cursor: Cursor, onError: (error: unknown) => void) {
    const { context, plan, source } = ground;
    const { spec, chunk, window } = plan;
    this.#ground = ground;
    this.#onError = onError;
    this.#releaser = new Releaser(context, { spec, source, cursor });
    const total = source.total ?? cursor.total;
    this.#state = startScatter({ chunk, window, total }, cursor.dispatched);
  }

  get total(): number | undefined {
    return this.#state.limits.total;
  }

  get tasksOut(): number {
    return tasksOut(this.#state);
  }

  get isAllBack(): boolean {
    return this.tasksOut === 0;
  }

  get released(): number | undefined {
    return this.#isReleasing ? undefined : this.#state.dispatched.next;
  }

  onProgress(line: ProgressLine): void {
    this.#state = onGathered(this.#state, line);
    this.pump();
  }

  onFleet(): void {
    this.pump();
  }

  /** Releases as much as the window allows, one batch after the other; what comes meanwhile is looked at afterwards. */
  pump(): void {
    if (this.#isStopped) return;
    if (this.#isReleasing) this.#isDueAgain = true;
    else if (!isDispatched(this.#state)) this.#begin(this.#releaseMore());
  }

  /** Meanwhile nothing new is released. */
  async releaseAgain(standing: Standing): Promise<void> {
    if (this.#isStopped || this.#isReleasing) return;
    this.#begin(this.#releaseLost(standing));
    await this.#releasing;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#releasing;
  }

  /** Follows a batch to its end; it says whether there may be more to release. */
  #begin(batch: Promise<boolean>): void {
    this.#isReleasing = true;
    this.#releasing = batch.then(
      (more) => this.#ended(more),
      (error) => this.#onError(error),
    );
  }

  #ended(more: boolean): void {
    this.#isReleasing = false;
    const isDue = more || this.#isDueAgain;
    this.#isDueAgain = false;
    if (isDue) this.pump();
  }

  async #releaseMore(): Promise<boolean> {
    const { slots, signal } = this.#ground;
    const before = this.#state;
    const after = await this.#releaser.release(before, slots(), signal);
    if (after === before) return false;
    // Reports that came while the batch was stored are newer than what `after` knows.
    this.#state = { ...after, gathered: this.#state.gathered };
    return true;
  }

  async #releaseLost(standing: Standing): Promise<boolean> {
    const { context, plan, signal, slots } = this.#ground;
    const { spec, input } = plan;
    const state = this.#state;
    const { missing } = standing;
    const messages = await tasksAgain(context, {
      spec,
      input,
      missing,
      version: this.#releaser.version,
      total: state.limits.total,
      chunk: chunkAgain(state),
      most: Math.min(MAX_BATCH_TASKS, windowOf(state, slots(), 0)),
    });
    const next = onReleasedAgain(state, standing, messages.length);
    if (messages.length > 0) await this.#releaser.releaseAgain(messages, next, signal);
    this.#state = next;
    return true;
  }
}
