/** The aggregator: owns partitions by lease, and gathers the results of each. */
import type { InMessage, Subscription } from "../../broker/port.ts";
import type { Beat } from "../../domain/fleet.ts";
import { type Reducer, reducerFor } from "../../domain/reducers/index.ts";
import { partitionOf } from "../../protocol/names.ts";
import type { JobSpec } from "../../protocol/spec.ts";
import { decodeQuestion, type StandingQuestion } from "../../protocol/standing.ts";
import { Background } from "../../runtime/background.ts";
import type { Timer } from "../../runtime/clock.ts";
import { Releasers } from "../../runtime/releasers.ts";
import { Service } from "../../runtime/service.ts";
import { FleetWatch, Heart } from "../beats.ts";
import type { ActorContext } from "../context.ts";
import type { HandlerSet } from "../handlers/handler-set.ts";
import { jsonOf } from "../json.ts";
import { report } from "../report.ts";
import { PieceCache } from "./assemble.ts";
import { LeaseKeeper } from "./leases.ts";
import { Partition } from "./partition.ts";

export interface AggregatorOptions {
  context: ActorContext;
  /** Handler modules, for the reducers of their own. */
  handlers: HandlerSet;
  /** Memory for collected outputs that wait for the end of their job, in bytes. @default 64 MiB */
  cacheBytes?: number;
}

const CACHE_BYTES = 64 * 1024 * 1024;

export class Aggregator extends Service {
  readonly #context: ActorContext;
  readonly #handlers: HandlerSet;
  readonly #partitions = new Map<number, Partition>();
  readonly #cache: PieceCache;
  readonly #releasers = new Releasers();
  readonly #background: Background;
  readonly #watch: FleetWatch;
  readonly #since: number;
  #keeper: LeaseKeeper | undefined;
  #round: Promise<void> | undefined;
  #roundWanted = false;
  /** For the round behind one in which another was faster. */
  #another: Timer | undefined;

  constructor({ context, handlers, cacheBytes = CACHE_BYTES }: AggregatorOptions) {
    super();
    this.#context = context;
    this.#handlers = handlers;
    this.#cache = new PieceCache(cacheBytes);
    this.#watch = new FleetWatch(context, () => this.#keepSoon());
    this.#background = new Background((error) => report(context, "aggregator", error));
    this.#since = context.clock.now();
  }

  /** Partitions held now. */
  get held(): number {
    return this.#partitions.size;
  }

  beat(): Beat {
    const { id, host, pid } = this.#context;
    return { id, role: "aggregator", host, pid, since: this.#since, busy: this.held };
  }

  protected async onStart(): Promise<void> {
    const context = this.#context;
    const leaseMs = partitionLease(context.topology.leaseMs);
    this.#keeper = new LeaseKeeper(context, await context.broker.bucket(context.names.leases), leaseMs);
    await this.#acquire(this.#watch);
    await this.#acquire(new Heart(context, () => this.beat()));
    for (const subscription of this.#listen()) this.#releasers.defer(() => subscription.close());
    await this.#keep();
    const timer = context.clock.every(Math.min(leaseMs / 3, ROUND_MS), () => this.#keepSoon());
    this.#releasers.defer(() => timer.cancel());
    context.events.emit("actor.started", {
      role: "aggregator",
      id: context.id,
      detail: `${this.held} partitions`,
    });
  }

  protected async onStop(): Promise<void> {
    await this.#round?.catch(() => {}); // Reported where it ran.
    this.#another?.cancel();
    await Promise.all([...this.#partitions.keys()].map((partition) => this.#close(partition, true)));
    await this.#background.settled();
    await this.#releasers.release();
    this.#context.events.emit("actor.stopped", { role: "aggregator", id: this.#context.id, abandoned: [] });
  }

  override abort(): Promise<void> {
    for (const partition of this.#partitions.values()) void partition.abort();
    return super.abort();
  }

  async #acquire(service: Service): Promise<void> {
    await service.start();
    this.#releasers.defer(() => service.stop());
  }

  #listen(): Subscription[] {
    const { broker, names } = this.#context;
    const each =
      (visit: (partition: Partition, job: string) => void) => (message: Parameters<typeof jsonOf>[0]) => {
        const job = jsonOf<{ job: string }>(message)?.job;
        if (typeof job === "string") for (const partition of this.#partitions.values()) visit(partition, job);
      };
    return [
      broker.subscribe(
        names.control("query"),
        each((partition, job) => partition.tell(job)),
      ),
      broker.subscribe(
        names.control("cancel"),
        each((partition, job) => partition.forget(job)),
      ),
      broker.subscribe(names.control("standing"), (message) => this.#answerStanding(message)),
      broker.subscribe(names.control("partitions"), () => this.#keepSoon()),
    ];
  }

  /** Whoever has the job's partition answers; the others are silent. */
  #answerStanding(message: InMessage): void {
    const { broker, partitions } = this.#context;
    const question = decodeQuestion(jsonOf<StandingQuestion>(message));
    if (question === undefined || message.reply === undefined) return;
    const standing = this.#partitions.get(partitionOf(question.job, partitions))?.standing(question);
    if (standing !== undefined) broker.publish({ subject: message.reply, data: JSON.stringify(standing) });
  }

  // ── leases ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** A round now, or right behind the one that is under way: that one may have looked before there was anything to find. */
  #keepSoon(): void {
    if (this.#keeper === undefined || this.fetchSignal.aborted) return;
    if (this.#round !== undefined) this.#roundWanted = true;
    else this.#background.run(() => this.#keep());
  }

  async #keep(): Promise<void> {
    this.#round ??= this.#keepRound().finally(() => {
      this.#round = undefined;
      if (this.#roundWanted) this.#keepSoon();
    });
    await this.#round;
  }

  async #keepRound(): Promise<void> {
    this.#roundWanted = false;
    const { fleet } = this.#watch;
    const peers = fleet.members("aggregator").map(({ id }) => ({ id, seen: fleet.seenAt(id) ?? 0 }));
    const round = await this.#keeper?.round(peers);
    if (round === undefined || this.fetchSignal.aborted) return;
    if (round.contested) this.#lookAgain();
    const held = new Set(round.held);
    const gone = [...this.#partitions.keys()].filter((partition) => !held.has(partition));
    await Promise.all(gone.map((partition) => this.#close(partition, round.releasing.includes(partition))));
    await Promise.all(round.held.map((partition) => this.#open(partition)));
  }

  #lookAgain(): void {
    this.#another?.cancel();
    this.#another = this.#context.clock.after(CONTESTED_MS, () => this.#keepSoon());
  }

  async #open(partition: number): Promise<void> {
    if (this.#partitions.has(partition)) return;
    const service = new Partition({
      context: this.#context,
      partition,
      reducerOf: (spec) => this.#reducerOf(spec),
      cache: this.#cache,
      onLost: (reason) => this.#lost(partition, service, reason),
    });
    this.#partitions.set(partition, service);
    await service.start().catch((error) => this.#lost(partition, service, String(error)));
  }

  async #close(partition: number, handOver: boolean): Promise<void> {
    const { events, broker, names } = this.#context;
    const service = this.#partitions.get(partition);
    this.#partitions.delete(partition);
    if (!handOver) events.emit("partition.lost", { partition, reason: "the lease was not renewed" });
    await service?.stop();
    if (!handOver) return;
    // Where the broker is away, the lease runs out.
    await this.#keeper?.release(partition).catch((error) => report(this.#context, "aggregator", error));
    broker.publish({ subject: names.control("partitions") });
    events.emit("partition.released", { partition });
  }

  /** Memory and truth differ: the memory goes. The next round opens the partition again if it is still ours. */
  #lost(partition: number, service: Partition, reason: string): void {
    if (this.#partitions.get(partition) !== service) return;
    this.#partitions.delete(partition);
    this.#context.events.emit("partition.lost", { partition, reason });
    this.#background.run(() => service.abort());
  }

  #reducerOf(spec: JobSpec): Reducer {
    return reducerFor(spec.reduce, this.#handlers.get(spec.kind)?.reduce);
  }
}

/** A dead lease is found so many milliseconds after it ran out, at the latest. */
const ROUND_MS = 1_000;
/** Whoever was slower with a partition looks again after so many milliseconds. */
const CONTESTED_MS = 100;

/** Half of a task's lease, so that a dead aggregator's partitions run elsewhere before anyone waits for them. */
function partitionLease(leaseMs: number): number {
  return Math.max(300, Math.min(5_000, leaseMs / 2));
}
