/** The dispatcher: takes jobs from the queue, holds them under a lease, lets out their tasks, and sees them end. */
import type { Consumption, Delivery, Subscription } from "../../broker/port.ts";
import { JOB_CONSUMER } from "../../broker/topology.ts";
import type { Beat } from "../../domain/fleet.ts";
import { Background } from "../../runtime/background.ts";
import { Releasers } from "../../runtime/releasers.ts";
import { Service } from "../../runtime/service.ts";
import { FleetWatch, Heart } from "../beats.ts";
import type { ActorContext } from "../context.ts";
import { jsonOf } from "../json.ts";
import { ProgressHub } from "../progress-hub.ts";
import { report } from "../report.ts";
import { listenForJobs } from "./ingress.ts";
import { JobRun, type RunGround, type RunSnapshot } from "./job-run.ts";
import { listenForVerbs } from "./job-verbs.ts";
import type { RunEnd } from "./run-end.ts";

export interface DispatcherOptions {
  context: ActorContext;
  /** Jobs held at once. @default 2000 */
  maxJobs?: number;
  /** Bytes of job bodies held at once; beyond it no job is taken until some end. @default 64 MiB */
  maxBytes?: number;
}

const MAX_JOBS = 2_000;
/** Delayed jobs that are remembered for listing; more of them wait just as well. */
const MAX_DELAYED = 10_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** A job that met an unexpected error is given back, and tried again after so long. */
const RETRY_MS = 1_000;

export class Dispatcher extends Service {
  readonly #context: ActorContext;
  readonly #maxJobs: number;
  readonly #maxBytes: number;
  readonly #runs = new Set<JobRun>();
  readonly #byJob = new Map<string, JobRun>();
  /** Jobs that were given back until their time comes: so that they can be listed and cancelled meanwhile. */
  readonly #delayed = new Map<string, RunSnapshot>();
  readonly #hub: ProgressHub;
  readonly #watch: FleetWatch;
  readonly #background: Background;
  readonly #releasers = new Releasers();
  readonly #since: number;
  #consumption: Consumption | undefined;
  #bytes = 0;
  /** Jobs that could be asked for but for the bytes that are held. */
  #owed = 0;

  constructor({ context, maxJobs = MAX_JOBS, maxBytes = MAX_BYTES }: DispatcherOptions) {
    super();
    this.#context = context;
    this.#maxJobs = maxJobs;
    this.#maxBytes = maxBytes;
    this.#hub = new ProgressHub(context);
    this.#watch = new FleetWatch(context, () => this.#onFleet());
    this.#background = new Background((error) => report(context, "dispatcher", error));
    this.#since = context.clock.now();
  }

  beat(): Beat {
    const { id, host, pid } = this.#context;
    return { id, role: "dispatcher", host, pid, since: this.#since, busy: this.#runs.size };
  }

  protected async onStart(): Promise<void> {
    const context = this.#context;
    await this.#acquire(this.#hub);
    await this.#acquire(this.#watch);
    await this.#acquire(new Heart(context, () => this.beat()));
    for (const subscription of this.#listen()) this.#releasers.defer(() => subscription.close());
    const timer = context.clock.every(context.topology.jobLeaseMs / 3, () => this.#extendLeases());
    this.#releasers.defer(() => timer.cancel());
    this.#consumption = await context.broker.consume({
      stream: context.names.stream("jobs"),
      consumer: JOB_CONSUMER,
      onDelivery: (delivery) => this.#onDelivery(delivery),
      onTrouble: (reason) => context.events.emit("broker.trouble", { what: "jobs", reason }),
    });
    this.#consumption.request(this.#maxJobs);
    await context.broker.flush();
    context.events.emit("actor.started", {
      role: "dispatcher",
      id: context.id,
      detail: `up to ${this.#maxJobs} jobs`,
    });
  }

  /** Jobs that are not over are given back at once, so that another dispatcher goes on where this one stopped. */
  protected async onStop(): Promise<void> {
    const abandoned = [...this.#runs].map(({ job }) => job);
    await this.#consumption?.stop();
    await this.#background.settled();
    await this.#releasers.release();
    await this.#context.broker.flush().catch((error) => report(this.#context, "dispatcher", error));
    this.#context.events.emit("actor.stopped", { role: "dispatcher", id: this.#context.id, abandoned });
  }

  async #acquire(service: Service): Promise<void> {
    await service.start();
    this.#releasers.defer(() => service.stop());
  }

  #listen(): Subscription[] {
    const ground = {
      context: this.#context,
      hub: this.#hub,
      background: (work: () => Promise<void>) => this.#background.run(work),
      signal: this.fetchSignal,
      held: () => [...this.#delayed.values(), ...[...this.#runs].map((run) => run.snapshot())],
    };
    const { broker, names } = this.#context;
    const cancels = broker.subscribe(names.control("cancel"), (message) => {
      const job = jsonOf<{ job: string }>(message)?.job;
      if (typeof job !== "string") return;
      this.#delayed.delete(job);
      this.#byJob.get(job)?.noteEnded();
    });
    return [...listenForJobs(ground), ...listenForVerbs(ground), cancels];
  }

  // ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #onDelivery(delivery: Delivery): void {
    const run = new JobRun(this.#ground(), delivery);
    const held = this.#byJob.get(run.job);
    if (held?.delivery.seq === delivery.seq) {
      // Its lease ran out while we still worked on it; it is ours again, and goes on as it was.
      held.delivery = delivery;
      this.#consumption?.request(1);
      return;
    }
    this.#delayed.delete(run.job);
    this.#runs.add(run);
    this.#byJob.set(run.job, run);
    this.#bytes += run.bytes;
    this.#background.run(() => this.#hold(run));
  }

  #ground(): RunGround {
    return {
      context: this.#context,
      slotsFor: (kind) => this.#watch.fleet.slotsFor(kind),
      onProgress: (job, listener) => this.#hub.on(job, listener),
      signal: this.fetchSignal,
    };
  }

  async #hold(run: JobRun): Promise<void> {
    try {
      const end = await run.run();
      if (end.type === "later") this.#noteDelayed(run);
      settle(run, end);
    } catch (error) {
      report(this.#context, `job ${run.job}`, error);
      run.delivery.nak(RETRY_MS);
    } finally {
      this.#letGo(run);
    }
  }

  #noteDelayed(run: JobRun): void {
    if (this.#delayed.size < MAX_DELAYED) this.#delayed.set(run.job, run.snapshot());
  }

  #letGo(run: JobRun): void {
    this.#runs.delete(run);
    if (this.#byJob.get(run.job) === run) this.#byJob.delete(run.job);
    this.#bytes -= run.bytes;
    this.#owed++;
    if (this.fetchSignal.aborted || this.#bytes > this.#maxBytes) return;
    this.#consumption?.request(this.#owed);
    this.#owed = 0;
  }

  #extendLeases(): void {
    for (const run of this.#runs) run.delivery.working();
  }

  #onFleet(): void {
    for (const run of this.#runs) run.noteFleet();
  }
}

function settle({ delivery }: JobRun, end: RunEnd): void {
  if (end.type === "done") delivery.ack();
  if (end.type === "later") delivery.nak(end.ms);
  if (end.type === "stopped") delivery.nak();
  // Taken: whoever has the job now has a newer delivery of the same message.
}
