/**
 * Items that are nowhere any more: they were released, but no task holds them, no result has them, and they were not counted.
 * Muster loses none. An operator's purge does, or a server that lost what it had acknowledged.
 *
 * A worker acknowledges a task only after its result is stored. So a job of which no task is left has all its results in
 * the stream, and what an aggregator that has read all of them still misses is gone: it is released again. Should it not
 * be gone after all, it is counted once anyhow.
 */
import { ItemsLost, MusterError } from "../../errors.ts";
import type { Standing } from "../../protocol/standing.ts";
import type { ActorContext } from "../context.ts";
import { readOutcome } from "../outcomes.ts";
import { askStanding, newestResult } from "../standing.ts";

/** What is asked of the job's run. */
export interface LossGround {
  context: ActorContext;
  job: string;
  /** How many items are out or back; undefined while some are being released, and once the job is being ended. */
  released(): number | undefined;
  /** Releases again what is missing, and goes on from what the aggregator has counted. */
  releaseAgain(standing: Standing): Promise<void>;
  /** Ends the job. */
  giveUp(error: ItemsLost): Promise<void>;
}

/** So often what is missing is released again while nothing comes back; then the job fails. */
const MOST_ROUNDS = 3;

export class Losses {
  readonly #ground: LossGround;
  /** How far the job was when it last moved, and when that was. */
  #seen = { items: 0, released: 0 };
  #since: number;
  #rounds = 0;
  /** Items that were counted at the last round. */
  #counted = 0;
  /** Something was missing at the last look: the next one need not wait. */
  #isMending = false;
  #isLooking = false;

  constructor(ground: LossGround) {
    this.#ground = ground;
    this.#since = ground.context.clock.now();
  }

  /** To be called now and then, with the items that were counted. Asks nobody while the job moves. */
  look(items: number): void {
    const { context } = this.#ground;
    const released = this.#ground.released();
    const now = context.clock.now();
    if (released === undefined || this.#hasMoved(items, released)) this.#since = now;
    if (released === undefined) return;
    const patience = this.#isMending ? 0 : context.topology.leaseMs;
    if (this.#isLooking || now - this.#since < patience) return;
    this.#isLooking = true;
    this.#since = now;
    this.#search(released)
      .catch((error) => this.#onError(error))
      .finally(() => {
        this.#isLooking = false;
      });
  }

  #hasMoved(items: number, released: number): boolean {
    const before = this.#seen;
    if (items === before.items && released === before.released) return false;
    this.#seen = { items, released };
    return true;
  }

  async #search(released: number): Promise<void> {
    const { context, job } = this.#ground;
    const { broker, names } = context;
    // In this order: what left the tasks before the first look is in the results at the second.
    if ((await broker.last(names.stream("tasks"), names.tasksOf(job))) !== undefined) return;
    const newest = await newestResult(context, job);
    const standing = await askStanding(context, { job, released });
    if (standing === undefined || standing.upTo < newest) return;
    // Of a job that is over, tasks and results are removed.
    if ((await readOutcome(context, job)) !== undefined || this.#ground.released() === undefined) return;
    await this.#settle(standing, released);
  }

  async #settle(standing: Standing, released: number): Promise<void> {
    const { context, job, releaseAgain, giveUp } = this.#ground;
    const missing = standing.missing.reduce((sum, { count }) => sum + count, 0);
    this.#isMending = missing > 0;
    if (standing.items > this.#counted) this.#rounds = 0;
    this.#counted = standing.items;
    if (missing > 0) {
      if (this.#rounds >= MOST_ROUNDS) return await giveUp(new ItemsLost(job, missing, released));
      context.events.emit("items.lost", { job, items: missing, round: ++this.#rounds });
    }
    await releaseAgain(standing);
  }

  /** Where the broker or the aggregator is away nothing is known to be lost: the next look will tell. */
  #onError(error: unknown): void {
    const { events } = this.#ground.context;
    const reason = error instanceof MusterError ? error.message : String(error);
    events.emit("broker.trouble", { what: this.#ground.job, reason });
  }
}
