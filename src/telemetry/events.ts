/**
 * What happens in muster, as typed events. Log, metrics and the events stream subscribe; the code that decides and acts
 * only tells. docs/events.md is the contract.
 */
import type { OutcomeState } from "../protocol/outcome.ts";

/** What is told of each event, by its name. */
export interface EventMap {
  /** An actor is ready to take work. */
  "actor.started": { role: string; id: string; detail: string };
  "actor.stopped": { role: string; id: string; abandoned: readonly string[] };
  /** A job was taken up by this dispatcher; `takeover` when another had it before. */
  "job.accepted": { job: string; kind: string; items: number | undefined; takeover: boolean };
  /** A stored job is not valid: it ended as a failed outcome. */
  "job.invalid": { job: string; kind: string; code: string; message: string };
  "job.progress": { job: string; kind: string; items: number; total: number | undefined; tasks: number };
  "job.finished": {
    job: string;
    kind: string;
    state: OutcomeState;
    items: number;
    failed: number;
    ms: number;
  };
  /** Nobody serves the kind at the moment: its tasks wait. */
  "job.waiting": { job: string; kind: string };
  /** Released items were nowhere any more, neither in a task nor in a result: they are released again. */
  "items.lost": { job: string; items: number; round: number };
  "tasks.released": { job: string; tasks: number; next: number };
  /** A worker finished a chunk. */
  "chunk.done": { job: string; kind: string; from: number; count: number; failed: number; handlerMs: number };
  /** A task came again: its worker died, lost its lease, or gave it back. */
  "task.redelivered": { job: string; kind: string; from: number; count: number; deliveries: number };
  /** A task was dropped without being run. */
  "task.dropped": { job: string; kind: string; from: number; reason: string };
  "item.retried": {
    job: string;
    kind: string;
    index: number;
    attempt: number;
    code: string;
    message: string;
  };
  /** An item failed for good. */
  "item.dead": { job: string; kind: string; index: number; attempts: number; code: string; message: string };
  "handler.log": {
    job: string;
    kind: string;
    index: number;
    level: string;
    message: string;
    fields: unknown;
  };
  "partition.claimed": { partition: number; fromSeq: number; jobs: number };
  "partition.lost": { partition: number; reason: string };
  "partition.released": { partition: number };
  "checkpoint.written": { partition: number; seq: number; jobs: number };
  /** A message that is not what its subject promises. */
  "message.invalid": { subject: string; code: string; message: string };
  /** The broker did not do what was asked; it is tried again. */
  "broker.trouble": { what: string; reason: string };
  "broker.status": { status: string; detail: string };
  "actor.joined": { role: string; id: string; host: string };
  "actor.left": { role: string; id: string; host: string; silent: boolean };
  /** An error that nobody expected; the actor goes on. */
  "error.unexpected": { where: string; error: unknown };
}

/** The name of an event. */
export type EventName = keyof EventMap;
type Listener<N extends EventName> = (payload: EventMap[N]) => void;
type AnyListener = (name: EventName, payload: EventMap[EventName]) => void;

/**
 * Tells listeners what happens; a listener's bug never reaches the teller. A node has one, as `node.events`.
 *
 * @example
 * import { Events } from "muster";
 *
 * const events = new Events();
 * const off = events.on("job.waiting", ({ kind }) => console.log(`nobody serves ${kind}`));
 * events.emit("job.waiting", { job: "a-job", kind: "area" });
 * off();
 */
export class Events {
  readonly #listeners = new Map<EventName, Set<(payload: never) => void>>();
  readonly #all = new Set<AnyListener>();

  /** Hears of one event until the returned function is called. */
  on<N extends EventName>(name: N, listener: Listener<N>): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    set.add(listener as (payload: never) => void);
    return () => set.delete(listener as (payload: never) => void);
  }

  /** Hears of every event until the returned function is called. */
  onAny(listener: AnyListener): () => void {
    this.#all.add(listener);
    return () => this.#all.delete(listener);
  }

  /** Tells all who listen; what a listener throws harms nobody else. */
  emit<N extends EventName>(name: N, payload: EventMap[N]): void {
    for (const listener of this.#listeners.get(name) ?? []) guarded(() => (listener as Listener<N>)(payload));
    for (const listener of this.#all) guarded(() => listener(name, payload));
  }

  /** Resolves with the first event of that name that `matches`. */
  once<N extends EventName>(
    name: N,
    matches: (payload: EventMap[N]) => boolean = () => true,
  ): Promise<EventMap[N]> {
    return new Promise((resolve) => {
      const off = this.on(name, (payload) => {
        if (!matches(payload)) return;
        off();
        resolve(payload);
      });
    });
  }
}

function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    // Shown as an uncaught exception would be, but after the teller is done.
    setImmediate(() => process.emitWarning(error instanceof Error ? error : String(error)));
  }
}
