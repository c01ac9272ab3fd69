/** The worker: takes tasks of its kinds, runs them in its slots, and keeps their leases alive meanwhile. */
import type { Consumption, Delivery } from "../../broker/port.ts";
import { taskConsumer } from "../../broker/topology.ts";
import type { Beat } from "../../domain/fleet.ts";
import { Prefetch } from "../../domain/prefetch.ts";
import { MusterError } from "../../errors.ts";
import { inflated } from "../../protocol/compression.ts";
import { decodeTask } from "../../protocol/messages.ts";
import { PRIORITIES, type Priority } from "../../protocol/names.ts";
import { SpecDecoder } from "../../protocol/spec.ts";
import { orElse, whenThere } from "../../runtime/maybe.ts";
import { Releasers } from "../../runtime/releasers.ts";
import { Service } from "../../runtime/service.ts";
import { Heart } from "../beats.ts";
import type { ActorContext } from "../context.ts";
import type { HandlerSet } from "../handlers/handler-set.ts";
import type { Executor } from "../handlers/pass.ts";
import { jsonOf } from "../json.ts";
import { report } from "../report.ts";
import { JobStops } from "./job-stops.ts";
import { ResultStore } from "./result-store.ts";
import { SlotQueue } from "./slot-queue.ts";
import { type TaskEnd, type TaskGround, TaskRun } from "./task-run.ts";

export interface WorkerOptions {
  context: ActorContext;
  handlers: HandlerSet;
  executor: Executor;
  /** Chunks that run at once. */
  slots: number;
}

/** The tasks of one kind and priority. */
interface Lane {
  readonly kind: string;
  readonly consumption: Consumption;
  readonly prefetch: Prefetch;
  held: number;
}

/** Jobs that were cancelled lately; their tasks are dropped when they still come. */
const CANCELLED = 10_000;
/** A task that met an unexpected error is given back, and delivered again after so long. */
const RETRY_MS = 1_000;

export class Worker extends Service {
  readonly #context: ActorContext;
  readonly #handlers: HandlerSet;
  readonly #executor: Executor;
  readonly #slots: SlotQueue;
  readonly #suspects = new SlotQueue(1);
  readonly #lanes: Lane[] = [];
  readonly #runs = new Set<TaskRun>();
  readonly #cancelled = new Set<string>();
  readonly #stops = new JobStops();
  readonly #specs = new SpecDecoder();
  /** Called when the last task that is held is done with. */
  #whenIdle: () => void = () => {};
  readonly #releasers = new Releasers();
  readonly #ground: TaskGround;
  readonly #since: number;
  #items = 0;

  constructor({ context, handlers, executor, slots }: WorkerOptions) {
    super();
    this.#context = context;
    this.#handlers = handlers;
    this.#executor = executor;
    this.#slots = new SlotQueue(slots);
    this.#since = context.clock.now();
    this.#ground = {
      context,
      handlers,
      executor,
      results: new ResultStore(context),
      slots: this.#slots,
      stops: this.#stops,
      suspects: this.#suspects,
      isCancelled: (job) => this.#cancelled.has(job),
    };
  }

  beat(): Beat {
    const { id, host, pid } = this.#context;
    const { kinds } = this.#handlers;
    const { busy, slots } = this.#slots;
    return { id, role: "worker", host, pid, since: this.#since, kinds, slots, busy, items: this.#items };
  }

  protected async onStart(): Promise<void> {
    const { broker, names, clock, topology, events, id } = this.#context;
    const cancels = broker.subscribe(names.control("cancel"), (message) => {
      const job = jsonOf<{ job: string }>(message)?.job;
      if (typeof job === "string") this.#onCancel(job);
    });
    this.#releasers.defer(() => cancels.close());
    const timer = clock.every(topology.leaseMs / 3, () => this.#extendLeases());
    this.#releasers.defer(() => timer.cancel());
    await Promise.all(this.#handlers.kinds.map((kind) => this.#openLanes(kind)));
    const heart = new Heart(this.#context, () => this.beat());
    await heart.start();
    this.#releasers.defer(() => heart.stop());
    await broker.flush();
    events.emit("actor.started", { role: "worker", id, detail: `${this.#slots.slots} slots` });
  }

  /** Gives back what is not begun, finishes what is; `abort()` gives that back, too. */
  protected async onStop(): Promise<void> {
    const heldAtStop = [...this.#runs];
    const stopping = Promise.all(this.#lanes.map(({ consumption }) => consumption.stop()));
    this.#slots.empty();
    this.#suspects.empty();
    for (const run of this.#runs) run.drain();
    await stopping;
    await this.#idle();
    await this.#executor.close();
    await this.#releasers.release();
    await this.#context.broker.flush().catch((error) => report(this.#context, "worker", error));
    const abandoned = heldAtStop.filter((run) => run.begun && this.workSignal.aborted);
    this.#context.events.emit("actor.stopped", {
      role: "worker",
      id: this.#context.id,
      abandoned: abandoned.map(({ task }) => `${task.spec.job}:${task.from}`),
    });
  }

  override abort(): Promise<void> {
    for (const run of this.#runs) run.abort();
    return super.abort();
  }

  // ── taking tasks ─────────────────────────────────────────────────────────────────────────────────────────────

  async #openLanes(kind: string): Promise<void> {
    await Promise.all(PRIORITIES.map((priority) => this.#openLane(kind, priority)));
  }

  async #openLane(kind: string, priority: Priority): Promise<void> {
    const { broker, topology, events } = this.#context;
    const plan = taskConsumer(topology, kind, priority);
    await broker.ensureConsumer(plan);
    const consumption = await broker.consume({
      stream: plan.stream,
      consumer: plan.name,
      onDelivery: (delivery) => this.#onDelivery(lane, delivery),
      onTrouble: (reason) => events.emit("broker.trouble", { what: plan.name, reason }),
    });
    const lane: Lane = { kind, consumption, prefetch: new Prefetch(this.#slots.slots), held: 0 };
    this.#lanes.push(lane);
    this.#refill(lane);
  }

  #refill({ consumption, prefetch, held }: Lane): void {
    const missing = prefetch.target - held - consumption.outstanding;
    if (missing > 0 && !this.fetchSignal.aborted) consumption.request(missing);
  }

  #onDelivery(lane: Lane, delivery: Delivery): void {
    const run = this.#open(delivery);
    if (run === undefined) return this.#refill(lane);
    lane.held++;
    this.#runs.add(run);
    if (delivery.deliveries > 1) this.#tellRedelivery(run);
    this.#hold(lane, run);
  }

  /** Resolves when no task is held. */
  #idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
      if (this.#runs.size === 0) resolve();
    });
  }

  /** A message that is no task is settled for good, and reported: running it again would not make it one. */
  #open(delivery: Delivery): TaskRun | undefined {
    try {
      const message = inflated(delivery, this.#context.broker.maxPayload);
      return new TaskRun(this.#ground, delivery, decodeTask(message, this.#specs));
    } catch (error) {
      const { code, message } =
        error instanceof MusterError ? error : { code: "unexpected", message: String(error) };
      this.#context.events.emit("message.invalid", { subject: delivery.subject, code, message });
      delivery.term(code);
      return undefined;
    }
  }

  /** Never fails: whatever goes wrong with a task, it is given back. */
  #hold(lane: Lane, run: TaskRun): void {
    const settled = orElse(
      () => whenThere(run.run(), (end) => this.#settle(lane, run, end)),
      (error) => this.#giveBack(run, error),
    );
    void whenThere(settled, () => this.#release(lane, run));
  }

  #giveBack({ task, delivery }: TaskRun, error: unknown): void {
    if (!this.workSignal.aborted) report(this.#context, `task ${task.spec.job}:${task.from}`, error);
    delivery.nak(this.workSignal.aborted ? undefined : RETRY_MS);
  }

  #release(lane: Lane, run: TaskRun): void {
    this.#runs.delete(run);
    this.#stops.leave(run.task.spec.job);
    lane.held--;
    this.#refill(lane);
    if (this.#runs.size === 0) this.#whenIdle();
  }

  #settle(lane: Lane, { delivery, task }: TaskRun, end: TaskEnd): void {
    const { job, kind } = task.spec;
    const { from, count } = task;
    switch (end.type) {
      case "stored":
        delivery.ack();
        this.#items += count;
        lane.prefetch.onChunk(end.handlerMs, Math.max(delivery.data.length, task.items.length));
        this.#context.events.emit("chunk.done", {
          job,
          kind,
          from,
          count,
          failed: end.failed,
          handlerMs: end.handlerMs,
        });
        return;
      case "split":
        return delivery.ack();
      case "dropped":
        delivery.term(end.reason);
        this.#context.events.emit("task.dropped", { job, kind, from, reason: end.reason });
        return;
      case "returned":
        return delivery.nak();
    }
  }

  #tellRedelivery({ task, delivery }: TaskRun): void {
    const { job, kind } = task.spec;
    const { from, count } = task;
    this.#context.events.emit("task.redelivered", {
      job,
      kind,
      from,
      count,
      deliveries: delivery.deliveries,
    });
  }

  // ── leases and cancelling ────────────────────────────────────────────────────────────────────────────────────

  /** Here no user code runs, so leases are renewed however busy the handlers are. */
  #extendLeases(): void {
    const { clock, topology } = this.#context;
    const due = clock.now() - topology.leaseMs / 4;
    for (const run of this.#runs) {
      if (run.since <= due) run.delivery.working();
    }
  }

  #onCancel(job: string): void {
    this.#cancelled.add(job);
    if (this.#cancelled.size > CANCELLED) this.#forgetOldest();
    for (const run of this.#runs) {
      if (run.task.spec.job === job) run.cancel();
    }
  }

  #forgetOldest(): void {
    for (const oldest of this.#cancelled) {
      this.#cancelled.delete(oldest);
      return;
    }
  }
}
