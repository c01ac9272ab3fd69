/** Keeps child processes running: one that ends without being asked is started again, after a growing wait. */
import { setTimeout as delay } from "node:timers/promises";
import type { ActorRole } from "../domain/fleet.ts";
import { messageOf } from "../errors.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { systemClock } from "../runtime/clock.ts";
import { type Exit, type Forked, type ForkPlan, forkActor } from "./fork-actor.ts";

export interface ChildPlan extends ForkPlan {
  /** For people, as in `worker 3`. */
  name: string;
  role: ActorRole;
}

/** What becomes of a child, told to whoever watches. */
export type ChildEvent =
  | { type: "child-ended"; name: string; exit: Exit; againInMs: number }
  | { type: "child-failed"; name: string; reason: string }
  | { type: "child-restarted"; name: string; pid: number | undefined };

const BACKOFF = { base: 200, max: 10_000 };
/** A child that lived so long, in ms, has not failed in a row. */
const SOUND_AFTER_MS = 10_000;
/** How long ending at once may take, in ms. */
const ABORT_LIMIT_MS = 8_000;

/** One child process under supervision. */
export class SupervisedChild {
  readonly plan: ChildPlan;
  readonly #tell: (event: ChildEvent) => void;
  readonly #stopping = new AbortController();
  #forked: Forked | undefined;
  #over: Promise<void> = Promise.resolve();

  constructor(plan: ChildPlan, tell: (event: ChildEvent) => void) {
    this.plan = plan;
    this.#tell = tell;
  }

  /** The process that runs at the moment. */
  get pid(): number | undefined {
    return this.#forked?.pid;
  }

  /** Resolves when the child takes part. @throws what kept it from that; then it is not started again */
  async start(): Promise<void> {
    const first = forkActor(this.plan);
    this.#forked = first;
    this.#over = first.ended.then(() => {});
    await first.ready;
    this.#over = this.#superviseFrom(first);
  }

  /** Ends in good order, however long that takes. */
  async stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      this.#forked?.stop();
    }
    await this.#over;
  }

  /** Ends at once, or is killed. */
  async abort(): Promise<void> {
    this.#stopping.abort();
    this.#forked?.abort();
    const limit = new AbortController();
    const kill = delay(ABORT_LIMIT_MS, undefined, { signal: limit.signal }).then(
      () => this.#forked?.kill(),
      () => {},
    );
    await this.#over;
    limit.abort();
    await kill;
  }

  async #superviseFrom(first: Forked): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    for (let child = first; ; ) {
      const since = systemClock.now();
      const exit = await child.ended;
      if (signal.aborted) return;
      failures = systemClock.now() - since > SOUND_AFTER_MS ? 1 : failures + 1;
      const againInMs = backoffMs(BACKOFF, failures, Math.random);
      this.#tell({ type: "child-ended", name: this.plan.name, exit, againInMs });
      await delay(againInMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      child = this.#again();
    }
  }

  #again(): Forked {
    const { name } = this.plan;
    const child = forkActor(this.plan);
    this.#forked = child;
    child.ready.then(
      () => this.#tell({ type: "child-restarted", name, pid: child.pid }),
      (error) => {
        if (!this.#stopping.signal.aborted)
          this.#tell({ type: "child-failed", name, reason: messageOf(error) });
      },
    );
    return child;
  }
}

/** The order in which roles end: who makes results first, who gathers them last. */
const ENDING: readonly ActorRole[] = ["worker", "dispatcher", "aggregator"];

/** All children of one `up`. */
export class Supervisor {
  readonly children: readonly SupervisedChild[];

  constructor(plans: readonly ChildPlan[], tell: (event: ChildEvent) => void) {
    this.children = plans.map((plan) => new SupervisedChild(plan, tell));
  }

  /** Resolves when all take part. @throws the first failure; the others are left for {@link abort} */
  async start(): Promise<void> {
    await Promise.all(this.children.map((child) => child.start()));
  }

  async stop(): Promise<void> {
    for (const role of ENDING) await this.#each(role, (child) => child.stop());
  }

  async abort(): Promise<void> {
    await Promise.all(this.children.map((child) => child.abort()));
  }

  async #each(role: ActorRole, end: (child: SupervisedChild) => Promise<void>): Promise<void> {
    await Promise.all(this.children.filter(({ plan }) => plan.role === role).map(end));
  }
}
