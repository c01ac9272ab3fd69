/** The leases of partitions, kept in the lease bucket. */
import type { Bucket } from "../../broker/port.ts";
import {
  countAlive,
  type LeaseEntry,
  type LeaseStep,
  leaseSteps,
  type Observed,
  observe,
  type Peer,
} from "../../domain/partitions.ts";
import { WriteConflict } from "../../errors.ts";
import type { ActorContext } from "../context.ts";

/** What a round of lease keeping came to. */
export interface LeaseRound {
  /** Partitions that are mine now. */
  held: number[];
  /** Partitions to give up in order, so that their new owner finds a fresh checkpoint. */
  releasing: number[];
  /** Another was faster with one that I wanted: there may be others left, and a round more finds them. */
  contested: boolean;
}

export class LeaseKeeper {
  readonly #context: ActorContext;
  readonly #bucket: Bucket;
  readonly #leaseMs: number;
  /** Aggregators whose leases ran out, until they are heard of again. */
  readonly #suspects = new Map<string, number>();
  #observed: ReadonlyMap<number, Observed> = new Map();

  constructor(context: ActorContext, bucket: Bucket, leaseMs: number) {
    this.#context = context;
    this.#bucket = bucket;
    this.#leaseMs = leaseMs;
  }

  /** Renews, claims and finds what to release; `peers` are all aggregators that were heard of lately. */
  async round(peers: readonly Peer[]): Promise<LeaseRound> {
    await this.#look();
    const { id: me, partitions, clock } = this.#context;
    const view = { me, partitions, leases: this.#observed, leaseMs: this.#leaseMs, now: clock.now() };
    const alive = countAlive(peers, this.#suspects, view);
    const steps = leaseSteps({ ...view, alive });
    const releasing = steps.filter(({ type }) => type === "release").map(({ partition }) => partition);
    const tried = await Promise.all(steps.map((step) => this.#carryOut(step)));
    const contested = steps.some(({ type }, at) => type === "claim" && tried[at] === undefined);
    return { held: tried.filter((partition) => partition !== undefined), releasing, contested };
  }

  /** Gives a partition up; another aggregator may claim it at once. */
  async release(partition: number): Promise<void> {
    const entry = await this.#bucket.get(keyOf(partition));
    if (entry?.value !== this.#context.id) return;
    await this.#bucket.remove(entry.key, entry.revision).catch(ignoreConflict);
  }

  async #look(): Promise<void> {
    const { partitions, clock } = this.#context;
    const all = Array.from({ length: partitions }, (_, partition) => this.#read(partition));
    const entries = (await Promise.all(all)).filter((entry) => entry !== undefined);
    this.#observed = observe(this.#observed, entries, clock.now());
  }

  async #read(partition: number): Promise<LeaseEntry | undefined> {
    const entry = await this.#bucket.get(keyOf(partition));
    return entry === undefined ? undefined : { partition, owner: entry.value, revision: entry.revision };
  }

  /** Returns the partition if it is mine afterwards. */
  async #carryOut(step: LeaseStep): Promise<number | undefined> {
    if (step.type === "release") return undefined;
    const { id } = this.#context;
    const key = keyOf(step.partition);
    try {
      if (step.revision === undefined) await this.#bucket.create(key, id);
      else await this.#bucket.update(key, id, step.revision);
      return step.partition;
    } catch (error) {
      ignoreConflict(error);
      return undefined;
    }
  }
}

function keyOf(partition: number): string {
  return `partition.${partition}`;
}

function ignoreConflict(error: unknown): void {
  if (!(error instanceof WriteConflict)) throw error;
}
