/**
 * How many workers died with a task. A redelivery alone says little: a worker that drains gives tasks back, and the
 * tasks that waited in a dead worker's queue were not at fault. So from the second delivery on a worker notes that it
 * begins the task, and takes the note away when it is done with it.
 */
import type { Task } from "../../protocol/messages.ts";
import type { ActorContext } from "../context.ts";
import { textOf } from "../json.ts";

const KEPT_SECONDS = 3_600;

export class DeathMarks {
  readonly #context: ActorContext;
  readonly #task: Task;
  #count = 0;
  #marked = false;

  constructor(context: ActorContext, task: Task) {
    this.#context = context;
    this.#task = task;
  }

  /** The parts of a task that was split begin a count of their own. */
  get #subject(): string {
    const { spec, from, count } = this.#task;
    return this.#context.names.deaths(spec.job, `${from}-${count}`);
  }

  async read(): Promise<number> {
    const { broker, names } = this.#context;
    const message = await broker.last(names.stream("outcomes"), this.#subject);
    this.#count = message === undefined ? 0 : Number(textOf(message)) || 0;
    return this.#count;
  }

  async add(): Promise<void> {
    this.#marked = true;
    this.#count++;
    await this.#context.broker.store({
      subject: this.#subject,
      data: String(this.#count),
      ttlSeconds: KEPT_SECONDS,
    });
  }

  /** Takes the mark away; a promise only where there is one. */
  remove(): Promise<void> | undefined {
    return this.#marked ? this.#remove() : undefined;
  }

  async #remove(): Promise<void> {
    const { broker, names } = this.#context;
    await broker.purge(names.stream("outcomes"), this.#subject).catch(() => {}); // It vanishes by itself, too.
  }
}
