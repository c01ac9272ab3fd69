/**
 * A discrete-event model of a job's way: dispatcher, broker, slots, broker again, aggregator. It answers what the
 * measured costs of one task mean for more nodes than this machine can run.
 *
 * Dispatcher, broker and aggregator serve one task after the other; nodes work side by side, and their slots too, except
 * for what a node's own event loop does for each task. All times are in milliseconds.
 */
import { EventQueue } from "./event-queue.ts";

export interface TaskCosts {
  /** What each station needs for one task, in milliseconds. */
  readonly dispatcherMs: number;
  /** For its way to a worker and for its result's way back, together. */
  readonly brokerMs: number;
  readonly workerMs: number;
  readonly aggregatorMs: number;
  /** From one process to the next, without waiting. */
  readonly hopMs: number;
}

export interface ModelledJob {
  readonly items: number;
  readonly itemMs: number;
  readonly nodes: number;
  readonly slotsPerNode: number;
  /** Tasks that may be out, that is released and not yet gathered. @default no limit */
  readonly window?: number;
  readonly costs: TaskCosts;
}

/** A worker fetches ahead: where tasks wait when a slot becomes free, one of them is there already. */
const FETCHED_AHEAD = 0;

type Step = "released" | "delivered" | "stored" | "gathered";

interface ModelEvent {
  readonly step: Step;
  readonly node: number;
}

/** Serves one after the other. */
class Station {
  #freeAt = 0;

  /** When work that arrives at `now` and takes `ms` is done. */
  serve(now: number, ms: number): number {
    this.#freeAt = Math.max(this.#freeAt, now) + ms;
    return this.#freeAt;
  }
}

/** When the last result of the job is gathered. */
export function simulateJob(job: ModelledJob): number {
  return new Model(job).run();
}

class Model {
  readonly #job: ModelledJob;
  readonly #events = new EventQueue<ModelEvent>();
  readonly #dispatcher = new Station();
  readonly #broker = new Station();
  readonly #aggregator = new Station();
  readonly #loops: readonly Station[];
  /** Nodes by free slot: each stands here once for every one. */
  readonly #free: number[];
  #now = 0;
  #released = 0;
  #waiting = 0;
  #gathered = 0;

  constructor(job: ModelledJob) {
    const { nodes, slotsPerNode } = job;
    this.#job = job;
    this.#loops = Array.from({ length: nodes }, () => new Station());
    // Round by round, so that the first tasks go to different nodes.
    this.#free = Array.from({ length: nodes * slotsPerNode }, (_, i) => nodes - 1 - (i % nodes));
  }

  run(): number {
    const { items, window = items } = this.#job;
    for (let i = 0; i < Math.min(items, window); i++) this.#release();
    while (this.#gathered < items) {
      const { at, value } = this.#events.take();
      this.#now = at;
      this.#handle(value);
    }
    return this.#now;
  }

  #handle({ step, node }: ModelEvent): void {
    switch (step) {
      case "released":
        this.#waiting++;
        return this.#assign(this.#job.costs.hopMs);
      case "delivered":
        return this.#work(node);
      case "stored":
        this.#free.push(node);
        this.#gather();
        return this.#assign(FETCHED_AHEAD);
      case "gathered":
        this.#gathered++;
        if (this.#released < this.#job.items) this.#release();
    }
  }

  #release(): void {
    const { dispatcherMs, hopMs } = this.#job.costs;
    this.#released++;
    this.#events.add(this.#dispatcher.serve(this.#now, dispatcherMs) + hopMs, { step: "released", node: 0 });
  }

  /** Hands waiting tasks to free slots. */
  #assign(wayMs: number): void {
    const { brokerMs } = this.#job.costs;
    while (this.#waiting > 0) {
      const node = this.#free.pop();
      if (node === undefined) return;
      this.#waiting--;
      const at = this.#broker.serve(this.#now, brokerMs / 2) + wayMs;
      this.#events.add(at, { step: "delivered", node });
    }
  }

  #work(node: number): void {
    const { costs, itemMs } = this.#job;
    const loop = this.#loops[node];
    const done = (loop?.serve(this.#now, costs.workerMs) ?? this.#now) + itemMs;
    this.#events.add(done, { step: "stored", node });
  }

  #gather(): void {
    const { brokerMs, hopMs, aggregatorMs } = this.#job.costs;
    const arrived = this.#broker.serve(this.#now, brokerMs / 2) + hopMs;
    this.#events.add(this.#aggregator.serve(arrived, aggregatorMs), { step: "gathered", node: 0 });
  }
}
